import { describe, expect, it } from 'vitest';
import {
  append,
  arrivalOf,
  granted,
  listen,
  newRoom,
  range,
  read,
  seqsOf,
  textsOf,
  twoPeers,
} from './peers.ts';
import type { Harness, StorePeer } from './suite.ts';

export function busContract(harness: () => Promise<Harness<StorePeer>>): void {
  describe('bus', () => {
    it('delivers every message to both workers in order and once, to the appending one too', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      const [atA, atB] = [await listen(a, room), await listen(b, room)];
      for (const n of range(1, 30)) await append(a, room, `${n}`);
      await Promise.all([arrivalOf(30, atA.entries), arrivalOf(30, atB.entries)]);
      const { entries } = await read(a, room);
      expect(atA.entries).toEqual(entries);
      expect(atB.entries).toEqual(entries);
    });

    it('delivers everything published after subscribe was answered', async () => {
      const { a, b } = await twoPeers(harness);
      for (const _ of range(1, 25)) {
        const room = newRoom();
        const heard = await listen(a, room);
        await append(b, room, 'at once');
        await arrivalOf(1, heard.entries);
        expect(textsOf(heard.entries)).toEqual(['at once']);
      }
    });

    it('leaves no gap above a page that is read right after subscribing', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      const appending = Promise.all(range(1, 200).map((n) => append(b, room, `${n}`)));
      const heard = await listen(a, room);
      const { top } = await read(a, room);
      await appending;
      await append(b, room, 'last');
      await arrivalOf(201, heard.entries);
      const first = heard.entries[0]?.seq ?? 0;
      expect(first).toBeLessThanOrEqual(top + 1);
      expect(seqsOf(heard.entries)).toEqual(range(first, 201));
    });

    it('shows all workers one order when four writers on two workers write at once', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      const [atA, atB] = [await listen(a, room), await listen(b, room)];
      const write = async (writer: number) => {
        for (const n of range(1, 50)) await append(writer % 2 ? a : b, room, `${writer}:${n}`);
      };
      await Promise.all([1, 2, 3, 4].map(write));
      await Promise.all([arrivalOf(200, atA.entries), arrivalOf(200, atB.entries)]);
      const { entries } = await read(b, room);
      expect(seqsOf(entries)).toEqual(range(1, 200));
      expect(atA.entries).toEqual(entries);
      expect(atB.entries).toEqual(entries);
      for (const writer of [1, 2, 3, 4]) {
        const own = textsOf(entries).filter((text) => text.startsWith(`${writer}:`));
        expect(own).toEqual(range(1, 50).map((n) => `${writer}:${n}`));
      }
    });

    it('carries odd text unchanged', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      const heard = await listen(b, room);
      const texts = [
        '"\\\n\u2028',
        '👩‍👩‍👧 日本語 \u0000',
        '],"nsp":',
        '{"seq":7,"epoch":"x",',
        '\udfff',
        'ü'.repeat(9000),
      ];
      for (const text of texts) await append(a, room, text);
      await arrivalOf(texts.length, heard.entries);
      expect(textsOf(heard.entries)).toEqual(texts);
    });

    it('carries `except`', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      const heard = await listen(b, room);
      await append(a, room, 'quiet', { except: 'socket-1' });
      await append(a, room, 'loud');
      await arrivalOf(2, heard.entries);
      expect(heard.entries.map((entry) => entry.except)).toEqual(['socket-1', undefined]);
    });

    it('publishes nothing for a repeated clientMsgId', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      const heard = await listen(b, room);
      const dedupe = { scope: 'ann', clientMsgId: 'm-1' };
      await Promise.all(range(1, 10).map((n) => append(n % 2 ? a : b, room, 'once', { dedupe })));
      await append(a, room, 'once', { dedupe });
      await append(a, room, 'next');
      await arrivalOf(2, heard.entries);
      expect(textsOf(heard.entries)).toEqual(['once', 'next']);
    });

    it('does not leak messages into another room, nor into the same room id of another namespace', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom('/');
      const namesake = { ...newRoom('/post'), roomid: room.roomid };
      const [heard, other] = [await listen(b, room), await listen(b, namesake)];
      await append(a, newRoom(), 'third room');
      await append(a, namesake, 'namesake');
      await append(a, room, 'room');
      await Promise.all([arrivalOf(1, heard.entries), arrivalOf(1, other.entries)]);
      expect(textsOf(heard.entries)).toEqual(['room']);
      expect(textsOf(other.entries)).toEqual(['namesake']);
    });

    it('serves two subscriptions of one room on one worker; closing one leaves the other', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      const [one, two] = [await listen(b, room), await listen(b, room)];
      await append(a, room, 'both');
      await Promise.all([arrivalOf(1, one.entries), arrivalOf(1, two.entries)]);
      one.close();
      one.close();
      await append(a, room, 'second');
      await arrivalOf(2, two.entries);
      expect(textsOf(one.entries)).toEqual(['both']);
      expect(textsOf(two.entries)).toEqual(['both', 'second']);
    });

    it('delivers nothing to a closed subscription', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      const closed = await listen(b, room);
      await append(a, room, 'heard');
      await arrivalOf(1, closed.entries);
      const appending = Promise.all(range(2, 20).map((n) => append(a, room, `${n}`)));
      closed.close();
      await appending;
      // Once the later message came, earlier ones that were still under way have come too.
      const later = await listen(b, room);
      await append(a, room, 'marker');
      await arrivalOf(21, later.entries);
      expect(textsOf(closed.entries)).toEqual(['heard']);
    });

    it('delivers a room that is subscribed again in the turn of its unsubscribe', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      let heard = await listen(b, room);
      for (const round of range(1, 20)) {
        heard.close();
        heard = await listen(b, room);
        await append(a, room, `round ${round}`);
        await arrivalOf(round, heard.entries);
        expect(textsOf(heard.entries)).toEqual([`round ${round}`]);
      }
    });

    it('delivers after subscriptions that were opened and closed without awaiting them', async () => {
      const { a, b } = await twoPeers(harness);
      const room = newRoom();
      const churn = range(1, 10).map(async () => (await listen(b, room)).close());
      const kept = await listen(b, room);
      await Promise.all(churn);
      await append(a, room, 'still here');
      await arrivalOf(1, kept.entries);
      expect(textsOf(kept.entries)).toEqual(['still here']);
    });

    it('confirms by a probe that published messages come back', async () => {
      const { a } = await twoPeers(harness);
      granted(await a.bus.probe());
    });
  });
}
