import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import { eraseFreedBytes } from '../../../src/backend/embedded/freed-bytes.ts';
import { createStore } from '../../../src/backend/embedded/store.ts';
import { openTables } from '../../../src/backend/embedded/tables.ts';
import { createMessageChanges } from '../../../src/chat/message-changes.ts';
import { inboxOf } from '../../../src/chat/room.ts';
import { deletion, edit } from '../../../src/server/message-decisions.ts';
import { makeDataDir } from '../../contract/embedded-harness.ts';
import { draftOf, granted, newRoom, range } from '../../contract/peers.ts';
import { RULES } from './store-for-test.ts';

/** A store over a file of its own, and what the file has of the texts. */
async function openStore() {
  const dataDir = await makeDataDir();
  const tables = openTables(dataDir, { freeBytes: () => Number.MAX_SAFE_INTEGER });
  const store = createStore({
    tables,
    rules: RULES,
    publish: () => undefined,
    now: Date.now,
    elapsedMs: () => performance.now(),
    log: pino({ level: 'silent' }),
  });
  onTestFinished(async () => {
    await store.close();
    await tables.close();
    await rm(dataDir, { recursive: true, force: true });
  });
  const secrets = () =>
    new Set(readFileSync(join(dataDir, 'data.mdb'), 'latin1').match(/secret-\w+-\d+-/g) ?? []);
  let overwritten = 0;
  const overwrite = () =>
    store.overwriteErased(() => {
      overwritten += 1;
      return eraseFreedBytes(dataDir);
    });
  return { store, secrets, overwrite, timesOverwritten: () => overwritten };
}

const by = { userId: 'ann', username: 'Ann' };

it('leaves nothing in the file of texts that were edited or deleted, whatever their size, and all other texts', async () => {
  const { store, secrets, overwrite, timesOverwritten } = await openStore();
  const room = newRoom();
  const feeds = { expectEcho: () => undefined };
  const changes = createMessageChanges({ logs: store.logs, feeds, newId: randomUUID });
  const change = async (seq: number, decide: ReturnType<typeof edit>) =>
    granted(await changes.apply({ room, seq, decide }));
  const changing = { roomid: room.roomid, by };
  const textOf = (name: string, seq: number) => `secret-${name}-${seq}-`.padEnd(seq % 2 ? 100 : 6_000, 'x');

  for (const seq of range(1, 60)) granted(await store.logs.append(room, draftOf(room, textOf('said', seq))));
  for (const seq of range(1, 40)) await change(seq, edit({ ...changing, text: textOf('once', seq) }));
  for (const seq of range(11, 40)) await change(seq, edit({ ...changing, text: textOf('twice', seq) }));
  for (const seq of range(21, 40)) await change(seq, deletion(changing));
  const left = new Set([
    ...range(1, 10).map((seq) => `secret-once-${seq}-`),
    ...range(11, 20).map((seq) => `secret-twice-${seq}-`),
    ...range(41, 60).map((seq) => `secret-said-${seq}-`),
  ]);
  expect(secrets().size).toBeGreaterThan(left.size);
  await overwrite();
  expect(secrets()).toEqual(left);

  const texts = async () =>
    JSON.stringify(granted(await store.logs.read(room, { after: 0, limit: 500, maxBytes: 1e7 })).entries);
  const found = (await texts()).match(/secret-\w+-\d+-/g);
  expect(new Set(found)).toEqual(left);
  granted(await store.logs.append(room, draftOf(room, 'afterwards')));
  expect(await texts()).toContain('afterwards');
  // Nothing was erased since.
  await overwrite();
  expect(timesOverwritten()).toBe(1);
});

it('leaves nothing of a user’s items once they are erased', async () => {
  const { store, secrets, overwrite } = await openStore();
  const inbox = inboxOf('/', 'ann');
  for (const seq of range(1, 15)) {
    const members = `"kind":"private","data":"secret-item-${seq}-${'x'.repeat(seq % 2 ? 10 : 5_000)}"`;
    granted(await store.logs.append(inbox, { id: randomUUID(), members }));
  }
  granted(await store.inboxes.erase(inbox));
  await store.cleanUp();
  await overwrite();
  expect(secrets()).toEqual(new Set());
});

it('tries again later while a copy of the store is being made', async () => {
  const { store, secrets, overwrite, timesOverwritten } = await openStore();
  const room = newRoom();
  granted(await store.logs.append(room, draftOf(room, 'secret-said-1-')));
  const changes = createMessageChanges({
    logs: store.logs,
    feeds: { expectEcho: () => undefined },
    newId: randomUUID,
  });
  granted(await changes.apply({ room, seq: 1, decide: deletion({ roomid: room.roomid, by }) }));
  await store.overwriteErased(async () => undefined);
  expect(secrets().size).toBe(1);
  await overwrite();
  expect(timesOverwritten()).toBe(1);
  expect(secrets().size).toBe(0);
});
