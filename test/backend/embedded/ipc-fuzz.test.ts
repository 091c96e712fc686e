import { rm } from 'node:fs/promises';
import fc from 'fast-check';
import { expect, it, onTestFinished } from 'vitest';
import { roomOf } from '../../../src/chat/room.ts';
import type { NoticeKind, RequestKind } from '../../../src/cluster/ipc.ts';
import { makeDataDir, openPeer, openPrimary } from '../../contract/embedded-harness.ts';
import { createIpcPair } from '../../contract/ipc-pair.ts';
import { append, arrivalOf, listen, newRoom, read, textsOf } from '../../contract/peers.ts';
import { value } from '../../fuzz/values.ts';
import { seedOf } from '../../support/seed.ts';

const RUNS = 1_000;
const seed = seedOf(1);

const user = fc.constant({ userId: 'ann', username: 'Ann' });
const room = fc.constantFrom(roomOf('/', 'tea'), roomOf('/post', 'milk'));
/** Arguments that a method may take, so that some calls go far before they meet one that it may not. */
const part = fc.oneof(
  room,
  user,
  fc.constantFrom('ann', 'tea', 1, 0, 50, true, undefined),
  fc.record({ members: fc.constant('"event":"x"'), author: fc.constant('ann'), reader: value }),
  fc.record(
    { limit: fc.integer(), after: fc.integer(), before: value, maxBytes: value },
    { requiredKeys: [] },
  ),
);
const args = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: part },
    { weight: 3, arbitrary: value },
    {
      weight: 1,
      arbitrary: fc.array(part, { maxLength: 3 }),
    },
  ),
  { maxLength: 6 },
);

it('the primary answers whatever a worker asks and tells it, and serves the others on', async () => {
  const dataDir = await makeDataDir();
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
  const primary = await openPrimary(dataDir);
  onTestFinished(() => primary.close());
  const honest = await openPeer(primary, 0);
  const honestRoom = newRoom();
  const { entries } = await listen(honest, honestRoom);

  const requests: string[] = [];
  const notices: string[] = [];
  const pair = createIpcPair(1, 'odd');
  primary.serve({
    ...pair.worker,
    onRequest(kind, handler) {
      requests.push(kind);
      pair.worker.onRequest(kind, handler);
    },
    onNotice(kind, handler) {
      notices.push(kind);
      pair.worker.onNotice(kind, handler);
    },
  });
  expect([requests.length > 30, notices.length]).toEqual([true, 2]);

  const calls = fc.sample(fc.tuple(fc.constantFrom(...requests), fc.oneof(args, value)), {
    seed,
    numRuns: RUNS,
  });
  // All at once, for some calls wait for something that never comes.
  const answers = await Promise.all(
    calls.map(([kind, body]) =>
      pair.primary.request(
        kind as RequestKind<readonly unknown[], unknown>,
        body as readonly unknown[],
        2_000,
      ),
    ),
  );
  expect(new Set(answers.map(({ ok }) => ok))).toEqual(new Set([true, false]));
  for (const [kind, body] of fc.sample(fc.tuple(fc.constantFrom(...notices), value), { seed, numRuns: RUNS }))
    pair.primary.notify(kind as NoticeKind<unknown>, body);

  for (const text of ['one', 'two']) await append(honest, honestRoom, text);
  await arrivalOf(2, entries);
  expect([textsOf(entries), textsOf((await read(honest, honestRoom)).entries)]).toEqual([
    ['one', 'two'],
    ['one', 'two'],
  ]);
  await honest.close();
  pair.cut();
});
