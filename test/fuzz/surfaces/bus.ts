import fc from 'fast-check';
import { createClient } from 'redis';
import { roomOf } from '../../../src/chat/room.ts';
import { connect } from '../../support/member.ts';
import type { Surface } from '../campaign.ts';
import { mangled, payload, text } from '../values.ts';
import { HONEST_ROOM } from '../witnesses.ts';

const HONEST = roomOf('/', HONEST_ROOM).tag;
const NSP = '"nsp":"/"';
const message = fc
  .tuple(
    payload(['seq', 'epoch', 'id', 'event', 'roomid', 'data', 'at']),
    fc.constantFrom('message', 'presence:diff', 'presence:count', 'online', 'bye'),
  )
  .map(
    ([data, event]) =>
      `{"uid":"emitter","type":3,"data":{"packet":{"type":2,"data":["${event}",${JSON.stringify(data)}],${NSP}},"opts":{"rooms":["r:x"],"flags":{},"except":[]}},${NSP}}`,
  );
const entry = fc.tuple(fc.nat(1_000), text, text).map(([seq, epoch, said]) => {
  const data = JSON.stringify({ event: 'broadcast_say', data: { text: said } }).slice(1, -1);
  return `{"uid":"emitter","type":3,"data":{"packet":{"type":2,"data":["message",{"seq":${seq},"epoch":${JSON.stringify(epoch)},${data}}],${NSP}},"opts":{"rooms":["r:x"],"flags":{},"except":[]}},${NSP}}`;
});
const control = payload(['uid', 'type', 'data', 'nsp']).map((data) => JSON.stringify(data) ?? '');

interface Sent {
  /** Of the channels that the workers hear. */
  readonly channel: number;
  readonly frame: string;
}

/** What somebody else on the same Redis publishes: a worker may drop it, or tell its members nonsense, but not end. */
export const bus: Surface<Sent> = {
  name: 'bus',
  mode: 'cluster',
  input: fc.record({
    channel: fc.nat(1_000),
    frame: fc.oneof(entry, message, mangled(entry), mangled(message), control, text),
  }),
  async send({ system }, inputs) {
    const redis = createClient({ url: system.redis?.url as string });
    redis.on('error', () => undefined);
    await redis.connect();
    const members = await Promise.all(
      system.workerUrls.map((url) => connect(url, { query: { roomid: 'tea', username: 'Fuzz' } })),
    );
    try {
      for (const member of members) await member.ask('join', { roomid: 'tea' });
      const all = await redis.sendCommand<string[]>(['PUBSUB', 'SHARDCHANNELS']);
      // Not the honest clients' room: whoever may publish there may say anything in their name.
      const channels = all.filter((channel) => !channel.includes(HONEST)).sort();
      for (const { channel, frame } of inputs) {
        const name = channels[channel % channels.length];
        if (name !== undefined) await redis.sPublish(name, frame);
      }
      for (const member of members) await member.ask('rooms:mine', {});
    } finally {
      for (const member of members) member.close();
      await redis.close();
    }
    return [];
  },
};
