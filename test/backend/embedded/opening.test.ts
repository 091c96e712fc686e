import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { open } from 'lmdb';
import { pino } from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import { connectToOwner, holdFolder } from '../../../src/backend/embedded/lock.ts';
import { createOpenings, whileNothingCommits } from '../../../src/backend/embedded/opening.ts';
import { roomOf } from '../../../src/chat/room.ts';
import { makeDataDir, openPeer, openPrimary } from '../../contract/embedded-harness.ts';
import { range, read, saidIn } from '../../contract/peers.ts';
import { eventually } from '../../support/eventually.ts';
import { startAppender } from './appender-process.ts';

const ROOMS = ['room-0', 'room-1', 'room-2'];
/** Without asking the server, one run of three lost messages. */
const OPENINGS = 400;

async function newFolder(): Promise<string> {
  const folder = await makeDataDir();
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

it('a store that others open while it is written to has every acked message', async () => {
  const dataDir = await newFolder();
  const appender = startAppender(dataDir, 'room');
  await appender.linesFrom(10);
  for (const _ of range(1, OPENINGS)) {
    const store = await whileNothingCommits(
      dataDir,
      () => connectToOwner(dataDir),
      () => open({ path: dataDir, readOnly: true, noSubdir: false }),
    );
    await store.close();
  }
  const count = appender.lines.length;
  await appender.linesFrom(count + 10);
  await appender.kill();
  const acked = appender.lines.flatMap(
    (line) => /^(room-\d \d+) ([0-9a-f-]{36})$/.exec(line)?.slice(1).join(' ') ?? [],
  );
  expect(acked.length).toBeGreaterThan(count);

  const primary = await openPrimary(dataDir, { historySize: 1_000_000 });
  const peer = await openPeer(primary);
  const stored = new Set<string>();
  for (const roomid of ROOMS) {
    const { entries } = await read(peer, roomOf('/', roomid), { after: 0, limit: 1e6, maxBytes: 1e9 });
    for (const entry of entries) stored.add(`${roomid} ${entry.seq} ${saidIn(entry).id}`);
  }
  expect(acked.filter((message) => !stored.has(message))).toEqual([]);
  await primary.close();
});

it('who opens a store waits for the commit under way, and the next one waits for them', async () => {
  const dataDir = await newFolder();
  const events: string[] = [];
  let letIn: (() => void) | undefined;
  const hold = () =>
    new Promise<() => void>((resolve) => {
      letIn = () => resolve(() => void events.push('commits again'));
    });
  const lock = await holdFolder(dataDir, createOpenings({ hold, log: pino({ level: 'silent' }) }));
  onTestFinished(() => lock.release());
  const opened = whileNothingCommits(
    dataDir,
    () => connectToOwner(dataDir),
    () => void events.push('opened'),
  );
  await eventually(() => expect(letIn).toBeDefined());
  expect(events).toEqual([]);
  letIn?.();
  await opened;
  await eventually(() => expect(events).toEqual(['opened', 'commits again']));
});

it('an opener that stands still is killed before the server commits again', async () => {
  const dataDir = await newFolder();
  const opener = spawn('sleep', ['600']);
  const ended = once(opener, 'exit');
  onTestFinished(() => void opener.kill('SIGTERM'));
  let released = false;
  const hold = () =>
    Promise.resolve(() => {
      released = true;
    });
  const lock = await holdFolder(
    dataDir,
    createOpenings({ hold, limitMs: 100, log: pino({ level: 'silent' }) }),
  );
  onTestFinished(() => lock.release());
  const socket = await connectToOwner(dataDir);
  socket?.write(`open ${opener.pid}\n`);
  expect(await ended).toEqual([null, 'SIGKILL']);
  await eventually(() => expect(released).toBe(true));
});

it('nobody is asked where no server has the store', async () => {
  const dataDir = await newFolder();
  expect(
    await whileNothingCommits(
      dataDir,
      () => connectToOwner(dataDir),
      () => 'opened',
    ),
  ).toBe('opened');
});

it('a server that lets nobody in, such as one of an earlier release, is named', async () => {
  const dataDir = await newFolder();
  const lock = await holdFolder(dataDir);
  onTestFinished(() => lock.release());
  await expect(
    whileNothingCommits(
      dataDir,
      () => connectToOwner(dataDir),
      () => 'opened',
    ),
  ).rejects.toThrow(/earlier release/);
});
