import { ATTACKED_ROOM, type Attacker, atPace, BYTES, EVENTS } from './attacker.ts';
import { openLink } from './link.ts';

/** Those that the search for the dearest input names. */
const DEAREST: readonly (readonly [event: string, payload: object])[] = [
  ['join', { roomid: ATTACKED_ROOM, history: 200 }],
  ['react', { roomid: ATTACKED_ROOM, seq: 1, reaction: 'a', on: true }],
  ['react', { roomid: ATTACKED_ROOM, seq: 1, reaction: 'a', on: false }],
  ['room:history', { roomid: ATTACKED_ROOM, limit: 200 }],
  ['private', { to: 'nobody', text: 'a' }],
  ['inbox:list', {}],
  ['room:members', { roomid: ATTACKED_ROOM }],
  ['rooms:mine', {}],
];

/** A packet of 30 kB has as many elements as the server decodes. */
const ELEMENTS = JSON.stringify(Array.from({ length: 10_000 }, () => []));
const LARGE = [
  `42["nothing",${ELEMENTS}]`,
  `421["say",{"data":${ELEMENTS}}]`,
  `422["todo",{"receiver_id":"nobody","data":${ELEMENTS}}]`,
  `433[${ELEMENTS}]`,
];
const LARGE_BYTES = ELEMENTS.length + 50;

/** Sends these packets in turn at this pace over one connection, and over a new one when it ends. */
function overLinks(name: string, packets: readonly string[], pace: typeof EVENTS): Attacker {
  return {
    name,
    async attack(url, over, count) {
      let sent = 0;
      while (!over.aborted) {
        const link = await openLink(url, over);
        await atPace(pace, AbortSignal.any([over, link.ended]), (units) => {
          for (let n = 0; n < units; n += 1) {
            link.send(packets[sent % packets.length] as string);
            sent += 1;
          }
          count(units);
        });
        link.close();
      }
    },
  };
}

export const events = overLinks(
  'events',
  DEAREST.map((event, id) => `42${id}${JSON.stringify(event)}`),
  EVENTS,
);

export const packets = overLinks('packets', LARGE, {
  burst: Math.floor(BYTES.burst / LARGE_BYTES),
  perS: BYTES.perS / LARGE_BYTES,
});

/** One connection after the other, each of which joins a room and is gone. */
export const connects: Attacker = {
  name: 'connects',
  async attack(url, over, count) {
    while (!over.aborted) {
      const link = await openLink(url, over);
      link.close();
      count(1);
    }
  },
};
