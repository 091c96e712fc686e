import { rm } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { BUS } from '../../../src/backend/embedded/services.ts';
import { CHAT_MESSAGES } from '../../../src/chat-messages.ts';
import { CONTROL } from '../../../src/cluster/control.ts';
import type { IpcChannel } from '../../../src/cluster/ipc.ts';
import { IPC_VERSIONS, SINCE } from '../../../src/cluster/ipc-versions.ts';
import { makeDataDir, openPrimary } from '../../contract/embedded-harness.ts';
import { createIpcPair } from '../../contract/ipc-pair.ts';

/** The kinds of messages between processes that the lowest supported version has. */
const KINDS_OF_VERSION_7 = [
  'api-key',
  'bus.entries',
  'bus.notify',
  'bus.presence',
  'bus.probe',
  'bus.subscribe',
  'bus.unsubscribe',
  'client connect',
  'client disconnect',
  'idempotency.claim',
  'idempotency.complete',
  'inboxes.appendAnnouncement',
  'inboxes.erase',
  'inboxes.markers',
  'inboxes.progress',
  'inboxes.raise',
  'logs.append',
  'logs.read',
  'logs.replace',
  'logs.tops',
  'logs.unread',
  'metrics',
  'moderation.admit',
  'moderation.lift',
  'moderation.restrict',
  'moderation.restrictions',
  'presence.fence',
  'presence.reap',
  'presence.reap-expired',
  'pushes.find',
  'pushes.save',
  'readiness',
  'roomSubscriptions.list',
  'roomSubscriptions.raiseReadMarker',
  'roomSubscriptions.set',
  'roster.connections',
  'roster.count',
  'roster.enter',
  'roster.exit',
  'roster.expired',
  'roster.fence',
  'roster.findByUsername',
  'roster.heartbeat',
  'roster.isInAny',
  'roster.isOnlineIn',
  'roster.members',
  'roster.reap',
  'roster.rooms',
  'roster.setClients',
  'roster.setConnections',
  'roster.totals',
  'store.check',
  'store.secret',
  'worker.counts',
  'worker.drain',
  'worker.failed',
  'worker.ready',
];

async function everyKind(): Promise<string[]> {
  const dataDir = await makeDataDir();
  const primary = await openPrimary(dataDir);
  const { worker } = createIpcPair(0, 'test');
  const asked: string[] = [];
  const onRequest: IpcChannel['onRequest'] = (kind) => void asked.push(kind);
  primary.serve({ ...worker, onRequest });
  await primary.close();
  await rm(dataDir, { recursive: true });
  return [...asked, ...[CONTROL, CHAT_MESSAGES, BUS].flatMap((kinds) => Object.values<string>(kinds))];
}

test('every kind of message that came after the lowest version stands in the table of ipc-versions.ts', async () => {
  expect(IPC_VERSIONS.min).toBe(7);
  const kinds = await everyKind();
  expect(kinds.filter((kind) => !KINDS_OF_VERSION_7.includes(kind)).sort()).toEqual([...SINCE.keys()].sort());
  expect(KINDS_OF_VERSION_7.filter((kind) => !kinds.includes(kind))).toEqual([]);
});
