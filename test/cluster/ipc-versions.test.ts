import { expect, test, vi } from 'vitest';
import { CONTROL } from '../../src/cluster/control.ts';
import { createIpcChannel } from '../../src/cluster/ipc-channel.ts';
import {
  IPC_VERSIONS,
  type IpcVersions,
  parseVersions,
  showVersions,
} from '../../src/cluster/ipc-versions.ts';
import { succeed } from '../../src/protocol/codes.ts';
import { createPortPair, type FakePort } from './fake-port.ts';
import { silentLog } from './silent-log.ts';

/** A release that speaks 7 alone, tells no range and ignores a greeting. */
const BEFORE_RANGES = { min: 7, max: 7 };

interface Pair {
  readonly primary: IpcVersions;
  readonly worker: IpcVersions;
}

/** A primary and a worker as a reload brings them together; the worker greets, unless it is of a release before ranges. */
function openPair({ primary, worker }: Pair) {
  const [atPrimary, atWorker] = createPortPair();
  if (primary === BEFORE_RANGES) ignoreGreetings(atPrimary);
  const foreign = { toPrimary: vi.fn(), toWorker: vi.fn() };
  return {
    foreign,
    sent: () => ({ byPrimary: marksOf(atPrimary), byWorker: marksOf(atWorker) }),
    primary: createIpcChannel(atPrimary, {
      log: silentLog,
      versions: primary,
      onForeignVersions: foreign.toPrimary,
    }),
    worker: createIpcChannel(atWorker, {
      log: silentLog,
      versions: worker,
      onForeignVersions: foreign.toWorker,
      ...(worker === BEFORE_RANGES ? {} : { theirVersions: parseVersions(showVersions(primary)) }),
    }),
  };
}

function ignoreGreetings(port: FakePort): void {
  const { onMessage } = port;
  port.onMessage = (listener) =>
    onMessage((message) => {
      if ((message as { op: string }).op !== 'hello') listener(message);
    });
}

const marksOf = ({ sent }: FakePort) =>
  (sent as { rc: number; op: string }[]).filter(({ op }) => op !== 'hello').map(({ rc }) => rc);

test.each<[string, Pair, number]>([
  ['of one release', { primary: { min: 7, max: 8 }, worker: { min: 7, max: 8 } }, 8],
  ['with a newer worker', { primary: { min: 7, max: 8 }, worker: { min: 8, max: 11 } }, 8],
  [
    'with a newer worker that still speaks what is older',
    { primary: { min: 7, max: 8 }, worker: { min: 6, max: 9 } },
    8,
  ],
  ['with a worker that was put back', { primary: { min: 7, max: 10 }, worker: { min: 7, max: 8 } }, 8],
  ['with a worker from before ranges', { primary: { min: 7, max: 8 }, worker: BEFORE_RANGES }, 7],
  ['with a primary from before ranges', { primary: BEFORE_RANGES, worker: { min: 7, max: 8 } }, 7],
])('a pair %s speaks the highest common version', async (_, ranges, version) => {
  const { primary, worker, sent, foreign } = openPair(ranges);
  primary.onRequest('ask', () => succeed(1));
  worker.onRequest('ask', () => succeed(2));
  expect(await worker.request('ask', null)).toEqual({ ok: true, value: 1 });
  expect(await primary.request('ask', null)).toEqual({ ok: true, value: 2 });
  expect(sent()).toEqual({ byPrimary: [version, version], byWorker: [version, version] });
  expect(foreign.toPrimary).not.toHaveBeenCalled();
  expect(foreign.toWorker).not.toHaveBeenCalled();
});

test.each<[string, Pair]>([
  ['too new', { primary: { min: 7, max: 8 }, worker: { min: 9, max: 9 } }],
  ['too old', { primary: { min: 9, max: 9 }, worker: { min: 7, max: 8 } }],
  ['from before ranges', { primary: { min: 8, max: 9 }, worker: BEFORE_RANGES }],
  ['too new for a primary from before ranges', { primary: BEFORE_RANGES, worker: { min: 8, max: 9 } }],
])('a primary hears at once, and once, that its worker is %s', async (_, ranges) => {
  const { worker, primary, foreign } = openPair(ranges);
  const heard = vi.fn();
  primary.onNotice('note', heard);
  worker.notify('note', null);
  worker.notify('note', null);
  await worker.flushed();
  expect(foreign.toPrimary).toHaveBeenCalledExactlyOnceWith(
    ranges.primary === BEFORE_RANGES ? { min: 9, max: 9 } : ranges.worker,
  );
  expect(heard).not.toHaveBeenCalled();
});

test('an earlier release is sent only the kinds of messages that it knows', async () => {
  const { worker, primary, sent } = openPair({ primary: BEFORE_RANGES, worker: IPC_VERSIONS });
  const heard = vi.fn();
  primary.onNotice('metrics.totals', heard);
  primary.onRequest('connects.enter', () => succeed(0));
  worker.notify('metrics.totals', []);
  expect(await worker.request('connects.enter', [])).toMatchObject({
    ok: false,
    error: {
      code: 'unavailable',
      message: 'the other process is of an earlier release, without "connects.enter"',
    },
  });
  worker.notify(CONTROL.ready, null);
  await worker.flushed();
  expect(heard).not.toHaveBeenCalled();
  expect(sent().byWorker).toEqual([7]);
});

test('a primary without a range, or with one that cannot be read, speaks version 7', () => {
  for (const text of [undefined, '', 'x', '7-', '-8']) expect(parseVersions(text)).toEqual(BEFORE_RANGES);
  expect(parseVersions('9')).toEqual({ min: 9, max: 9 });
  expect(parseVersions(showVersions(IPC_VERSIONS))).toEqual(IPC_VERSIONS);
});
