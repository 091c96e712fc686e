import { ErrorReply } from '@redis/client';
import { expect, it } from 'vitest';
import { refusalOf } from '../../../src/backend/redis/connection/failures.ts';
import type { RedisConnection } from '../../../src/backend/redis/connection/redis-connection.ts';
import { slotOf } from '../../../src/backend/redis/topology/hash-slots.ts';
import { createRedirectedCommands } from '../../../src/backend/redis/topology/redirects.ts';
import { type Outcome, succeed } from '../../../src/protocol/codes.ts';
import { range } from '../../contract/peers.ts';
import { silent } from '../../contract/redis-harness.ts';
import { eventually } from '../../support/eventually.ts';

const DEADLINE_MS = 1_000;
const SLOT = slotOf('{room}');
const MOVED = refusalOf(new ErrorReply(`MOVED ${SLOT} 127.0.0.1:2`), silent);
const ASK = refusalOf(new ErrorReply(`ASK ${SLOT} 127.0.0.1:2`), silent);
const TRY_AGAIN = refusalOf(
  new ErrorReply('TRYAGAIN Multiple keys request during rehashing of slot'),
  silent,
);

/** Two servers, the first of which has the slot at the beginning. `reply` is what a server replies to a call. */
function redirected(reply: (server: number, text: string) => Outcome<string> | Promise<Outcome<string>>) {
  const ran: string[] = [];
  let owner = 1;
  let elapsedMs = 0;
  function server(number: number) {
    return {
      call: async ([, , text = '']: readonly string[]) => {
        const given = reply(number, text);
        const outcome = given instanceof Promise ? await given : given;
        if (outcome.ok) ran.push(`${number} ${text}`);
        return outcome;
      },
      usable: async () => true,
    } as unknown as RedisConnection;
  }
  const servers = [server(1), server(2)] as const;
  const commands = createRedirectedCommands({
    connectionOf: () => servers[owner - 1] as RedisConnection,
    connectionTo: ({ port }) => servers[port - 1] as RedisConnection,
    refresh: async ({ port }) => {
      owner = port;
    },
    deadlineMs: DEADLINE_MS,
    now: () => elapsedMs,
  });
  return {
    ran,
    append: (text: string) => commands.call<string>(['APPEND', '{room}', text]),
    pass: (ms: number) => (elapsedMs += ms),
  };
}

it('calls that are redirected run in the order in which they were made, before later ones', async () => {
  const { ran, append } = redirected((server) => (server === 1 ? MOVED : succeed('done')));
  const early = range(1, 3).map((n) => append(`${n}`));
  await Promise.resolve();
  const late = range(4, 6).map((n) => append(`${n}`));
  for (const outcome of await Promise.all([...early, ...late])) expect(outcome).toEqual(succeed('done'));
  expect(ran).toEqual(range(1, 6).map((n) => `2 ${n}`));
});

it('calls that wait behind a redirected one for the length of a deadline are refused, and not sent', async () => {
  const sent = new Set<string>();
  const { append, pass } = redirected((_, text) => {
    sent.add(text);
    return TRY_AGAIN;
  });
  const waiting = [append('1')];
  await Promise.resolve();
  waiting.push(...range(2, 50).map((n) => append(`${n}`)));
  pass(DEADLINE_MS);
  for (const outcome of await Promise.all(waiting)) {
    expect(outcome).toMatchObject({ ok: false, error: { code: 'unavailable' } });
  }
  expect([...sent]).toEqual(['1']);
});

it('a call behind one that was refused runs no earlier than those made before it', async () => {
  let asked = 0;
  const { ran, append, pass } = redirected((_, text) => {
    if (text === '1') return TRY_AGAIN;
    if (text !== '2') return succeed('done');
    asked += 1;
    return asked < 3 ? TRY_AGAIN : succeed('done');
  });
  const first = append('1');
  await Promise.resolve();
  pass(DEADLINE_MS / 2);
  const later = [append('2'), append('3')];
  pass(DEADLINE_MS / 2);
  expect((await first).ok).toBe(false);
  expect(await Promise.all(later)).toEqual([succeed('done'), succeed('done')]);
  expect(ran).toEqual(['1 2', '1 3']);
});

it('a slot that stays in migration is asked by one call at a time, and holds few calls', async () => {
  let stuck = true;
  let asked = 0;
  const { append, pass } = redirected(() => {
    asked += 1;
    return stuck ? TRY_AGAIN : succeed('done');
  });
  const settled: string[] = [];
  const first = append('first').then((outcome) => settled.push(outcome.ok ? 'run' : 'refused'));
  await Promise.resolve();
  const line = range(1, 2_000).map((n) => append(`${n}`).then(() => settled.push(`${n}`)));
  await new Promise(setImmediate);
  // Those over the limit.
  expect(settled.length).toBeGreaterThan(1_800);
  expect(asked).toBeLessThanOrEqual(3);
  pass(DEADLINE_MS);
  await Promise.all([first, ...line]);
  expect(asked).toBeLessThan(10);
  // From now on a new call is tried once, and waits for nothing.
  asked = 0;
  const tried = await Promise.all(range(1, 50).map((n) => append(`${n}`)));
  expect(tried.every(({ ok }) => !ok)).toBe(true);
  expect(asked).toBe(1);
  stuck = false;
  expect(await append('again')).toEqual(succeed('done'));
  expect(await Promise.all(range(1, 100).map((n) => append(`${n}`)))).toEqual(
    range(1, 100).map(() => succeed('done')),
  );
});

it('calls in line are refused when they are due, even while the first waits for its reply', async () => {
  let reply: (outcome: Outcome<string>) => void = () => undefined;
  let asked = 0;
  const { append, pass } = redirected((_, text) => {
    asked += 1;
    if (text !== 'first') return succeed('done');
    return asked === 1 ? TRY_AGAIN : new Promise<Outcome<string>>((resolve) => (reply = resolve));
  });
  const first = append('first');
  await Promise.resolve();
  const later = append('later');
  await eventually(() => expect(asked).toBe(2));
  pass(DEADLINE_MS);
  expect(await later).toMatchObject({ ok: false, error: { code: 'unavailable' } });
  reply(succeed('done'));
  expect(await first).toEqual(succeed('done'));
});

it('calls that follow ASK one by one are not all sent again for each', async () => {
  let asked = 0;
  const { append, ran } = redirected((server) => {
    asked += 1;
    return server === 1 ? ASK : succeed('done');
  });
  const waiting = [append('1')];
  await Promise.resolve();
  waiting.push(...range(2, 100).map((n) => append(`${n}`)));
  await Promise.all(waiting);
  expect(ran).toEqual(range(1, 100).map((n) => `2 ${n}`));
  expect(asked).toBe(200);
});
