import { expect, test } from 'vitest';
import { createIpcChannel } from '../../src/cluster/ipc-channel.ts';
import { callServices, serveServices } from '../../src/cluster/ipc-services.ts';
import { type Outcome, type Refusal, refuse, succeed } from '../../src/protocol/codes.ts';
import { createPortPair } from './fake-port.ts';
import { silentLog } from './silent-log.ts';

interface Library {
  readonly books: {
    find(title: string, year?: number): Promise<Outcome<readonly unknown[]>>;
    burn(): Promise<Outcome<void>>;
  };
  readonly readers: { count(): Promise<Outcome<number>> };
}

function openLibrary() {
  const [near, far] = createPortPair();
  const asking = createIpcChannel(near, { log: silentLog });
  let refusal: Refusal | undefined;
  const burning = new Promise<Outcome<void>>(() => {});
  serveServices<Library>(
    createIpcChannel(far, { log: silentLog }),
    {
      books: { find: (...args) => succeed(args), burn: () => burning },
      readers: { count: async () => succeed(2) },
    },
    () => refusal ?? succeed(undefined),
  );
  return {
    services: callServices<Library>((kind, args) => asking.request(kind, args, 60_000)),
    refuseAll: (given: Refusal) => {
      refusal = given;
    },
    cut: () => near.close(),
  };
}

test('a call reaches the method of its service with all its arguments', async () => {
  const { services } = openLibrary();
  const { books, readers } = services;
  expect(await books.find('Emma', 1815)).toEqual({ ok: true, value: ['Emma', 1815] });
  expect(await books.find('Emma', undefined)).toEqual({ ok: true, value: ['Emma', undefined] });
  expect(await readers.count()).toEqual({ ok: true, value: 2 });
});

test('the guard refuses a call before the method sees it', async () => {
  const { services, refuseAll } = openLibrary();
  refuseAll(refuse('unavailable', 'closed for today', 1_000));
  expect(await services.books.burn()).toMatchObject({ ok: false, error: { message: 'closed for today' } });
});

test('a waiting call fails at once when the other process goes away', async () => {
  const { services, cut } = openLibrary();
  const waiting = services.books.burn();
  cut();
  expect(await waiting).toMatchObject({ ok: false, error: { code: 'unavailable', temporary: true } });
});

test('an async function can return the services', async () => {
  const { services } = openLibrary();
  const { readers } = await Promise.resolve(services);
  expect(await (await Promise.resolve(readers)).count()).toEqual({ ok: true, value: 2 });
});

test('services cannot be spread: the copy would lack every method not called before', () => {
  const { services } = openLibrary();
  expect(() => ({ ...services.books })).toThrow('cannot be spread');
});
