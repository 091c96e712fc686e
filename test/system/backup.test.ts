import { once } from 'node:events';
import {
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Host, runRoomcast, startHost } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { connect, enter, type Member, textsOf } from '../support/member.ts';

const ENV = { RATE_SAY: '0', RATE_EVENTS: '0', RATE_BYTES: '0' };
const ROOMS = ['first', 'second', 'third'];

async function run(args: readonly string[], dataDir: string) {
  const { child, output } = runRoomcast(args, { DATA_DIR: dataDir });
  const [code] = (await once(child, 'exit')) as [number];
  return { code, ...output() };
}

describe('roomcast backup and restore', () => {
  let base: string;
  let host: Host;
  const members: Member[] = [];
  const at = (...path: string[]) => join(base, ...path);

  beforeAll(async () => {
    base = await mkdtemp(join(tmpdir(), 'roomcast-backup-'));
    host = await startHost({ workers: 2, dataDir: at('data'), env: ENV });
  });
  afterAll(async () => {
    for (const member of members) member.close();
    await host.stop();
    await rm(base, { recursive: true, force: true });
  });

  async function whatIsThere(url: string, rooms: readonly string[]) {
    const reader = await connect(url, { auth: { userId: 'bob', username: 'Bob' } });
    const texts: string[][] = [];
    for (const roomid of rooms) {
      await reader.do('join', { roomid, history: 0 });
      const found: string[] = [];
      for (let after = 0; ; ) {
        const page = await reader.do('room:history', { roomid, after, limit: 200 });
        found.push(...textsOf(page.messages));
        after += page.messages.length;
        if (!page.more) break;
      }
      texts.push(found);
    }
    const inbox = await reader.do('inbox:list', { limit: 200 });
    const mine = await reader.do('rooms:mine');
    reader.close();
    return { texts, inbox, read: Object.fromEntries(mine.rooms.map(({ roomid, read }) => [roomid, read])) };
  }

  it('brings logs, inboxes, marks and bans back as they were at one moment, while all of them changed', async () => {
    const writer = await enter(host.url, ROOMS[0] as string, 'Ann');
    const bob = await enter(host.workerUrls[1] as string, ROOMS[0] as string, 'Bob', {
      auth: { userId: 'bob' },
    });
    members.push(writer, bob);
    for (const roomid of ROOMS.slice(1)) await writer.do('join', { roomid });
    const headers = { 'x-api-key': host.apiKey, 'Content-Type': 'application/json' };
    const ban = (userId: string) =>
      fetch(`${host.url}/api/v1/rooms/first/ban`, {
        method: 'POST',
        headers,
        body: JSON.stringify({ userId }),
      });
    expect((await ban('before')).status).toBe(200);

    // Each step waits for the ack of the one before, so a store of one moment holds a prefix of them.
    let going = true;
    let round = 0;
    const writing = (async () => {
      for (; going || round < 50; round += 1) {
        for (const roomid of ROOMS) await writer.do('say', { roomid, text: String(round) });
        await writer.do('private', { to: 'bob', text: String(round) });
        await bob.do('room:read', { roomid: 'first', seq: round + 1 });
      }
    })();
    await bob.do('join', { roomid: 'erased' });
    await bob.do('say', { roomid: 'erased', text: `erased ${'x'.repeat(6_000)}` });
    await bob.do('delete', { roomid: 'erased', seq: 1 });
    // The store has some history when the copy begins.
    const begun = eventually(() => expect(round).toBeGreaterThanOrEqual(20));
    await Promise.race([begun, writing.then(() => begun)]);
    const taken = await run(['backup', at('backup')], at('data'));
    going = false;
    await writing;
    expect(taken).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringContaining('holds the store of'),
    });
    expect((await ban('after')).status).toBe(200);
    expect(await readFile(at('backup', 'data.mdb'), 'latin1')).not.toContain('erased xxx');

    const refused = await run(['restore', at('backup'), '--force'], at('data'));
    expect(refused).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('is in use by another Roomcast'),
    });
    const restored = await run(['restore', at('backup')], at('restored'));
    expect(restored).toMatchObject({ code: 0, stderr: '' });

    const copy = await startHost({ workers: 1, dataDir: at('restored'), env: ENV });
    try {
      expect(copy.apiKey).toBe(host.apiKey);
      const { texts, inbox, read } = await whatIsThere(copy.url, ROOMS);
      const steps = [...texts.map((found) => found.length), inbox.top, read.first ?? 0];
      const [most = 0] = steps;
      expect(most).toBeGreaterThanOrEqual(20);
      expect(most).toBeLessThanOrEqual(round);
      // In the order of the steps: each is done as often as the one before, or once less from some step on.
      expect(steps).toEqual([...steps].sort((one, other) => other - one));
      expect(Math.min(...steps)).toBeGreaterThanOrEqual(most - 1);
      for (const found of texts) expect(found).toEqual(found.map((_, n) => String(n)));
      const lift = (userId: string) =>
        fetch(`${copy.url}/api/v1/rooms/first/ban/${userId}`, { method: 'DELETE', headers });
      expect([(await lift('before')).status, (await lift('after')).status]).toEqual([200, 404]);

      // A client that saw more than the backup has is told so, and goes on under a new epoch.
      const seen = await writer.do('room:history', { roomid: 'first', limit: 1 });
      const back = await connect(copy.url, { auth: { userId: 'ann', username: 'Ann' } });
      const joined = await back.do('join', {
        roomid: 'first',
        resume: { epoch: seen.epoch, seq: seen.top },
      });
      back.close();
      expect(joined.recovered).toBe(seen.top === most);
    } finally {
      await copy.stop();
    }
  });

  const modeOf = async (path: string) => (await stat(path)).mode & 0o777;

  // The disk is another file system than that of the other files on most machines; where it is not, the link alone is tested.
  it('replaces a store behind a link, leaves nothing else there, and lets its user alone read it', async () => {
    const far = await mkdtemp('/tmp/roomcast-backup-');
    try {
      await symlink(far, at('linked'));
      expect((await run(['restore', at('backup')], at('linked'))).code).toBe(0);
      await mkdir(join(far, '.restore-0a0a0a0a'));
      const again = await run(['restore', at('backup'), '--force'], at('linked'));
      expect(again).toMatchObject({ code: 0, stderr: '' });
      const names = (await readdir(far)).sort();
      expect(names).toEqual(['api-key', 'data.mdb', expect.stringMatching(/^data\.mdb\.before-/)]);
      for (const file of ['data.mdb', 'api-key']) expect(await modeOf(join(far, file))).toBe(0o600);
      expect(await modeOf(at('backup'))).toBe(0o700);
      expect(await modeOf(at('data'))).toBe(0o700);
      for (const file of ['backup/data.mdb', 'backup/backup.json', 'data/data.mdb'])
        expect(await modeOf(at(file))).toBe(0o600);
    } finally {
      await rm(far, { recursive: true, force: true });
    }
  });

  it('replaces a damaged store, and says that a damaged backup is one before it takes the store away', async () => {
    const [data, damaged] = [at('damaged', 'data.mdb'), at('damaged-backup')];
    await mkdir(at('damaged'));
    await cp(at('backup', 'data.mdb'), data);
    await truncate(data, 8_192 + 100);
    expect(await run(['restore', at('backup'), '--force'], at('damaged'))).toMatchObject({
      code: 0,
      stderr: '',
    });
    const before = await readFile(data);

    await cp(at('backup'), damaged, { recursive: true });
    await truncate(join(damaged, 'data.mdb'), 8_192 + 100);
    const summed = await run(['restore', damaged, '--force'], at('damaged'));
    expect(summed).toMatchObject({ code: 1, stderr: expect.stringContaining('is not the file that was') });
    // A backup without a sum, as earlier releases made it.
    const manifest = JSON.parse(await readFile(join(damaged, 'backup.json'), 'utf8')) as object;
    await writeFile(join(damaged, 'backup.json'), JSON.stringify({ ...manifest, data: undefined }));
    const opened = await run(['restore', damaged, '--force'], at('damaged'));
    expect(opened).toMatchObject({ code: 1, stderr: expect.stringContaining('It is damaged') });
    expect(before.equals(await readFile(data))).toBe(true);
    expect((await readdir(at('damaged'))).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('replaces a store only with --force, keeps the old one, and takes no other folder for a backup', async () => {
    const without = await run(['restore', at('backup')], at('restored'));
    expect(without).toMatchObject({ code: 1, stderr: expect.stringContaining('is not empty') });
    const forced = await run(['restore', at('backup'), '--force'], at('restored'));
    expect(forced.code).toBe(0);
    const old = /is (\S*data\.mdb\.before-\S*);/.exec(forced.stdout)?.[1] ?? '';
    expect((await stat(old)).isFile()).toBe(true);
    expect((await stat(at('restored', 'api-key'))).mode & 0o777).toBe(0o600);

    const again = await run(['backup', at('backup')], at('data'));
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('is not an empty folder') });
    const other = await run(['restore', at('data')], at('nowhere'));
    expect(other).toMatchObject({ code: 1, stderr: expect.stringContaining('is no backup') });
    const manifest = JSON.parse(await readFile(at('backup', 'backup.json'), 'utf8')) as object;
    await writeFile(at('backup', 'backup.json'), JSON.stringify({ ...manifest, format: 99 }));
    const foreign = await run(['restore', at('backup')], at('nowhere'));
    expect(foreign).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('another version of Roomcast'),
    });
  });
});
