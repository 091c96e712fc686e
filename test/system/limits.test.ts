import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { renderNginx } from '../../src/cli/nginx-config.ts';
import {
  JSON_BYTES_PER_TEXT_BYTE,
  MAX_AVATAR_URL_CHARS,
  MAX_CLIENT_MSG_ID_CHARS,
  MAX_HISTORY,
  MAX_ID_BYTES,
  MAX_INBOX_PAGE,
  MAX_JSON_DEPTH,
  MAX_MEMBERS,
  MAX_MENTIONS,
  MAX_REACTION_CHARS,
  MAX_SIGNAL_BYTES,
  MAX_SIGNAL_NAME_CHARS,
  MAX_USERNAME_CHARS,
} from '../../src/protocol/limits.ts';
import { LIMITS } from '../repository/limits-table.ts';
import { systemFixture } from '../support/fixture.ts';
import type { Member } from '../support/member.ts';
import { openNginx } from '../support/nginx-server.ts';
import { nginxOptions } from '../support/nginx-settings.ts';
import { freePorts } from '../support/ports.ts';
import { freeDiskSpace, memoryOfRedis, nearlyFullStore } from './nearly-full.ts';
import { ask, fullLimits, MAX_TEXT_BYTES, pageLimits, STORE_LIMITS } from './store-limits.ts';

const MAX_WORKER_CLIENTS = 30;
const SIGNALS = 8;
const NEW_ROOMS = 12;
/** More than the largest number of them that another limit needs. */
const SAYS = 1_100;
const EVENTS = 1_500;
const BYTES = 2_000_000;
const PACKET_BYTES = 1_100_000;
/** More than a client of the other tests has stored, and reached before BYTES by what counts twice. */
const STORED_BYTES = 2_500_000;

type Event = readonly [event: string, payload: object];

/** An event as large as its limit is taken, and one larger by one is refused with the code of the limit. */
interface Edge {
  readonly limit: { readonly what: string; readonly answer: string };
  readonly most: number;
  readonly of: (size: number) => Event;
}

const chars = (count: number) => 'x'.repeat(count);
const names = (count: number) => Array.from({ length: count }, (_, index) => `user-${index}`);

const textTo = ({ hello }: Member) => ({ to: hello.user.id, text: 'x' });

function nested(levels: number): object {
  let value: object = [];
  for (let level = 1; level < levels; level += 1) value = [value];
  return value;
}

const EDGES: readonly Edge[] = [
  { limit: LIMITS.text, most: MAX_TEXT_BYTES, of: (size) => ['say', { text: `ä${chars(size - 2)}` }] },
  {
    limit: LIMITS.data,
    most: JSON_BYTES_PER_TEXT_BYTE * MAX_TEXT_BYTES,
    of: (size) => ['say', { data: chars(size - 2) }],
  },
  { limit: LIMITS.depth, most: MAX_JSON_DEPTH, of: (size) => ['say', { data: nested(size) }] },
  { limit: LIMITS.mentions, most: MAX_MENTIONS, of: (size) => ['say', { text: 'x', mentions: names(size) }] },
  {
    limit: LIMITS.clientMsgId,
    most: MAX_CLIENT_MSG_ID_CHARS,
    of: (size) => ['say', { text: 'x', clientMsgId: chars(size) }],
  },
  { limit: LIMITS.id, most: MAX_ID_BYTES, of: (size) => ['join', { roomid: chars(size) }] },
  { limit: LIMITS.id, most: MAX_ID_BYTES, of: (size) => ['block', { userId: `ä${chars(size - 2)}` }] },
  {
    limit: LIMITS.username,
    most: MAX_USERNAME_CHARS,
    of: (size) => ['join', { username: '东'.repeat(size) }],
  },
  {
    limit: LIMITS.avatar,
    most: MAX_AVATAR_URL_CHARS,
    of: (size) => ['join', { avatar: `https://x.example/${chars(size - 18)}` }],
  },
  {
    limit: LIMITS.reaction,
    most: MAX_REACTION_CHARS,
    of: (size) => ['react', { seq: 1, reaction: chars(size) }],
  },
  { limit: LIMITS.signalName, most: MAX_SIGNAL_NAME_CHARS, of: (size) => ['signal', { name: chars(size) }] },
  {
    limit: LIMITS.signalData,
    most: MAX_SIGNAL_BYTES,
    of: (size) => ['signal', { name: 'x', data: chars(size - 2) }],
  },
  { limit: LIMITS.history, most: MAX_HISTORY, of: (size) => ['room:history', { limit: size }] },
  { limit: LIMITS.members, most: MAX_MEMBERS, of: (size) => ['room:members', { limit: size }] },
  { limit: LIMITS.inboxPage, most: MAX_INBOX_PAGE, of: (size) => ['inbox:list', { limit: size }] },
];

describe('limits', () => {
  const disk = freeDiskSpace();
  const fixture = systemFixture('embedded', {
    ...STORE_LIMITS,
    ...disk.env,
    MAX_WORKER_CLIENTS: String(MAX_WORKER_CLIENTS),
    RATE_SAY: `100/1s burst ${SAYS}`,
    RATE_EVENTS: `100/1s burst ${EVENTS}`,
    RATE_BYTES: `500000/1s burst ${BYTES}`,
    RATE_SIGNAL: `4/1s burst ${SIGNALS}`,
    RATE_ROOMS: `4/1s burst ${NEW_ROOMS}`,
    RATE_STORED: `400000/1s burst ${STORED_BYTES}`,
  });
  const { at, worker, fresh, connect, enter } = fixture;

  describe.each(['websocket', 'polling'] as const)('over %s', (transport) => {
    const transports = [transport];

    it('take an event of the largest size, and refuse one larger by one', async () => {
      const member = await enter(at(0), fresh('sizes'), 'Ann', { transports });
      await member.do('say', { text: 'the first' });
      const answers: (readonly string[])[] = [];
      for (const { limit, most, of } of EDGES) {
        const [edge, beyond] = [await ask(member, ...of(most)), await ask(member, ...of(most + 1))];
        answers.push([limit.what, edge.code, beyond.code]);
      }
      expect(answers).toEqual(EDGES.map(({ limit }) => [limit.what, 'ok', limit.answer]));
    });

    pageLimits(fixture, transports);

    it.each([
      ['signals', SIGNALS, () => ['signal', { name: 'x' }] as const, undefined],
      ['new rooms', NEW_ROOMS, () => ['join', { roomid: fresh('new') }] as const, 'leave'],
    ])('of %s let through whoever waits for retryAfterMs', async (_what, burst, next, after) => {
      const member = await enter(at(0), fresh('rates'), 'Ann', { transports });
      let taken = 0;
      for (;;) {
        const [event, payload] = next();
        const { code, retryAfterMs } = await ask(member, event, payload);
        if (code !== 'ok') {
          expect(code).toBe('rate_limited');
          expect(taken).toBeGreaterThanOrEqual(burst - 1);
          // The server says how long: no condition but the time tells that it is over.
          await pause(retryAfterMs);
          expect((await ask(member, event, payload)).code).toBe('ok');
          return;
        }
        taken += 1;
        if (after) await ask(member, after, payload);
      }
    });

    it.each([
      ['messages', SAYS, 100, 'say', { text: 'x' }, 'ok'],
      ['events', EVENTS, 100, 'typing', { on: 'no boolean' }, 'bad_request'],
      ['bytes', 1, 1, 'say', { text: chars(PACKET_BYTES) }, 'too_large'],
    ])(
      'of %s in a row let through whoever waits for retryAfterMs',
      async (_what, first, more, event, payload, code) => {
        const member = await enter(at(0), fresh('row'), 'Ann', { transports });
        let waitMs: number | undefined;
        for (let count = first; waitMs === undefined; count = more) {
          // Some are within the rate, as many as the server takes time for.
          const answers = await Promise.all(Array.from({ length: count }, () => ask(member, event, payload)));
          const refused = answers.filter((answer) => answer.code !== code);
          expect(new Set(refused.map((answer) => answer.code))).toEqual(
            new Set(refused.length > 0 ? ['rate_limited'] : []),
          );
          waitMs = refused.at(-1)?.retryAfterMs;
        }
        await pause(waitMs);
        const small = event === 'typing' ? payload : { text: 'x' };
        expect((await ask(member, event, small)).code).toBe(event === 'typing' ? code : 'ok');
      },
    );

    it('of the bytes that a user has stored let through whoever waits for retryAfterMs', async () => {
      const [ann, bob] = [await connect(at(0), { transports }), await connect(at(0))];
      const [toAnn, toBob] = [textTo(ann), textTo(bob)];
      // A key that is not known counts with its packet, and a private message for its receiver and its sender.
      const large = { ...toBob, unknown: chars(STORED_BYTES / 20) };
      const acks = [await ann.ask('private', large)];
      while (acks.at(-1)?.ok) acks.push(await ann.ask('private', large));
      expect(acks.length).toBeGreaterThanOrEqual(10);
      const refused = acks.at(-1);
      const message = 'too many bytes to store';
      expect(refused).toEqual({
        ok: false,
        error: { code: 'rate_limited', message, temporary: true, retryAfterMs: expect.any(Number) },
      });
      await bob.do('private', toAnn);
      await pause(refused?.ok === false ? refused.error.retryAfterMs : 0);
      await ann.do('private', toBob);
    });
  });

  fullLimits(fixture, ['websocket']);
  nearlyFullStore(fixture, disk);

  it('of a connection are those of one socket in a namespace: it is closed if it asks for more at once', async () => {
    const link = new WebSocket(`${at(0).replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
    const entered: string[] = [];
    link.on('message', (data) => {
      const packet = data.toString();
      if (packet.startsWith('0')) for (let n = 0; n < 5; n += 1) link.send('40');
      if (packet.startsWith('40')) entered.push(packet);
    });
    await once(link, 'close');
    expect(entered.length).toBeLessThanOrEqual(1);
  });

  it('of a worker refuse further connections with 503, which other workers take', async () => {
    const open = () => fetch(`${worker(0)}/socket.io/?EIO=4&transport=polling`);
    const statuses: number[] = [];
    while (statuses.at(-1) !== 503) statuses.push((await open()).status);
    expect(statuses.length).toBeLessThanOrEqual(MAX_WORKER_CLIENTS + 1);
    expect(statuses.slice(0, -1)).toEqual(Array(statuses.length - 1).fill(200));
    expect((await fetch(`${worker(1)}/socket.io/?EIO=4&transport=polling`)).status).toBe(200);
  });

  it('of all workers refuse further connections at the front door and nginx, too', async () => {
    const open = async (url: string) => (await fetch(`${url}/socket.io/?EIO=4&transport=polling`)).status;
    async function fill(url: string): Promise<void> {
      let status = 200;
      while (status === 200) status = await open(url);
    }
    // Some of them may end before the front door is asked, as they enter no namespace.
    const openAtFull = async (entrance: string) => {
      await Promise.all([fill(worker(0)), fill(worker(1))]);
      return open(entrance);
    };
    const [host] = fixture.system.hosts;
    const listen = `127.0.0.1:${await freePorts(1)}`;
    const hosts = [{ address: '127.0.0.1', basePort: host?.basePort ?? 0, workers: 2 }];
    const nginx = await openNginx(renderNginx(nginxOptions({ hosts, listen: [listen] })));
    onTestFinished(() => nginx.close());
    await expect.poll(() => openAtFull(at(1))).toBe(503);
    await expect.poll(() => openAtFull(`http://${listen}`)).toBe(503);
  });
});

describe('limits of a Redis', () => {
  const fixture = systemFixture(
    'cluster',
    { ...STORE_LIMITS, RATE_SAY: `100/1s burst ${SAYS}` },
    { workersEach: 1 },
  );
  pageLimits(fixture, ['websocket']);
  fullLimits(fixture, ['websocket']);
  nearlyFullStore(fixture, memoryOfRedis(STORE_LIMITS));
});
