import { rm } from 'node:fs/promises';
import { open } from 'lmdb';
import { expect, it, onTestFinished } from 'vitest';
import { openTables } from '../../../src/backend/embedded/tables.ts';
import { makeDataDir } from '../../contract/embedded-harness.ts';

it('a store of an earlier release keeps its rows under the names they were stored by', async () => {
  const dataDir = await makeDataDir();
  onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
  const meta = { epoch: 'e', run: 'r', top: 3, at: 1, first: 1, floor: 1, links: [] };
  const subscriptions = { until: 5, rooms: [['lobby', 2]] };
  const root = open({ path: dataDir, noSubdir: false, maxDbs: 32 });
  await root.openDB('heads', {}).put('tag', meta);
  await root.openDB('visits', {}).put('inbox', subscriptions);
  await root.openDB('marks', {}).put('inbox', { sent: [], recv: [], read: [] });
  await root.openDB('answers', {}).put([7, 'tag', 'hash'], { epoch: 'e', seq: 1, id: 'm', at: 1 });
  await root.openDB('dues', {}).put([5, 'visits', 'inbox'], true);
  await root.close();

  const tables = openTables(dataDir);
  onTestFinished(() => tables.close());
  expect(tables.row('logMeta', 'tag')).toEqual(meta);
  expect(tables.row('roomSubscriptions', 'inbox')).toEqual(subscriptions);
  expect(tables.row('inboxMarkers', 'inbox')).toEqual({ sent: [], recv: [], read: [] });
  expect(tables.row('dedupe', [7, 'tag', 'hash'])).toMatchObject({ seq: 1 });
  expect(tables.expiriesBefore(9, 10)).toEqual([[5, 'roomSubscriptions', 'inbox']]);
  await tables.commit([{ table: 'expiries', key: [5, 'roomSubscriptions', 'inbox'] }]);
  expect(tables.expiriesBefore(9, 10)).toEqual([]);
});
