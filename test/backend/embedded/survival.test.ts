import { rm } from 'node:fs/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { roomOf } from '../../../src/chat/room.ts';
import { makeDataDir, openPeer, openPrimary } from '../../contract/embedded-harness.ts';
import { append, draftOf, granted, range, read, saidIn } from '../../contract/peers.ts';
import { startAppender } from './appender-process.ts';

describe('embedded store, killed with -9 while it appends', () => {
  it('has every acked message at its position, without gaps, five times on the same folder', async () => {
    const dataDir = await makeDataDir();
    onTestFinished(() => rm(dataDir, { recursive: true, force: true }));
    const acked = new Map<string, string>();
    let whole = 0;
    for (const round of range(1, 5)) {
      const appender = startAppender(dataDir, 'room');
      await appender.linesFrom(300 * round);
      await appender.kill();
      // The last line may have been cut by the kill; cut ones hold no whole id.
      const acks = appender.lines.map((line) => /^(room-\d) (\d+) ([0-9a-f-]{36})$/.exec(line));
      for (const [, roomid, seq, id] of acks.filter((ack) => ack !== null)) {
        expect(acked.has(`${roomid} ${seq}`)).toBe(false);
        acked.set(`${roomid} ${seq}`, id ?? '');
      }
      expect(acked.size).toBeGreaterThanOrEqual(whole + 299);
      whole = acked.size;

      const primary = await openPrimary(dataDir, { historySize: 1_000_000 });
      const peer = await openPeer(primary);
      const stored = new Map<string, string>();
      for (const roomid of ['room-0', 'room-1', 'room-2']) {
        const room = roomOf('/', roomid);
        const { top, entries, first } = await read(peer, room, { after: 0, limit: 1e6, maxBytes: 1e9 });
        expect(entries.map((entry) => entry.seq)).toEqual(range(1, top));
        expect(first).toBe(1);
        for (const entry of entries) stored.set(`${roomid} ${entry.seq}`, saidIn(entry).id);
      }
      expect([...acked].filter(([at, id]) => stored.get(at) !== id)).toEqual([]);

      // What was acked is also remembered: the sender that lost its answer gets it now.
      const [at = '', id = ''] = [...acked].at(-1) ?? [];
      const [roomid = '', seq] = at.split(' ');
      const room = roomOf('/', roomid);
      const dedupe = { scope: 'ann', clientMsgId: id };
      const again = granted(await peer.logs.append(room, draftOf(room, 'again', { dedupe })));
      expect(again).toMatchObject({ seq: Number(seq), id, dup: true });
      const next = await append(peer, room, 'next');
      expect(next.seq).toBe((await read(peer, room)).top);
      await primary.close();
    }
  });
});
