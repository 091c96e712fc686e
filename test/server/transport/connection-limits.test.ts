import { once } from 'node:events';
import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { WebSocket } from 'ws';
import type { Rate } from '../../../src/chat/rate-limit.ts';
import { refuseMain } from '../../../src/server/served-namespaces.ts';
import type { ClientSocket } from '../../../src/server/socket-types.ts';
import { createAddressBudgets } from '../../../src/server/transport/address-budgets.ts';
import { createClientAddresses } from '../../../src/server/transport/client-address.ts';
import { createConnectLimit } from '../../../src/server/transport/connect-limit.ts';
import { createConnectionLimits } from '../../../src/server/transport/connection-limits.ts';
import { createChatEngine } from '../../../src/server/transport/engine.ts';
import { IncomingPacket } from '../../../src/server/transport/incoming-packet.ts';
import { createConnectionInternals } from '../../../src/server/transport/private-members.ts';
import {
  BYTES_PER_TURN,
  createReadThrottle,
  PACKETS_PER_TURN,
} from '../../../src/server/transport/read-throttle.ts';
import { eventually } from '../../support/eventually.ts';

const until = (check: () => void) => eventually(check, { interval: 5, timeout: 5_000 });

interface Heard {
  readonly event: unknown;
  readonly code: string | undefined;
  readonly payload: unknown;
}

/** Numbers the turns of the event loop. */
function countTurns(): () => number {
  let turn = 0;
  const count = () => {
    turn += 1;
    next = setImmediate(count);
  };
  let next = setImmediate(count);
  onTestFinished(() => clearImmediate(next));
  return () => turn;
}

/** A Socket.IO server with limits that records which events reach it. */
async function server(
  limits: { events?: Rate; bytes?: Rate; maxElements?: number; connect?: Rate; behind?: boolean } = {},
) {
  const clock = { nowMs: 0 };
  const heard: Heard[] = [];
  const left: string[] = [];
  const now = () => clock.nowMs;
  const rates = { events: limits.events, bytes: limits.bytes };
  const addresses = createClientAddresses({
    trustProxy: undefined,
    onStranger: () => undefined,
    onIgnored: () => undefined,
  });
  const connectLimit = createConnectLimit({ rate: limits.connect, addresses, now });
  const { io, engine, route } = createChatEngine({
    socketPath: '/socket.io/',
    corsOrigin: '*',
    allowEio3: true,
    pingIntervalMs: 25_000,
    pingTimeoutMs: 20_000,
    onConnection: (connection) => connectionLimits.watch(connection),
    maxWorkerClients: 0,
    onFull: () => undefined,
    connectLimit,
  });
  const internals = createConnectionInternals();
  const connectionLimits = createConnectionLimits({
    internals,
    throttle: createReadThrottle({
      internals,
      isBehind: () => limits.behind ?? false,
      nextTurn: setImmediate,
      later: setImmediate,
    }),
    rates,
    addresses,
    addressBudgets: createAddressBudgets({ rates, rateSay: undefined, rateSignal: undefined, now }),
    connectLimit,
    namespaces: 1,
    maxElements: limits.maxElements ?? 40_000,
    now,
    random: () => 0,
  });
  io.on('connection', (socket: ClientSocket) => {
    connectionLimits.entered(socket);
    socket.on('disconnect', () => {
      connectionLimits.left(socket);
      left.push(socket.id);
    });
    socket.onAny((event: unknown, ...args: unknown[]) => {
      const packet = args.find((arg) => arg instanceof IncomingPacket);
      const payload = args[0] instanceof IncomingPacket ? undefined : args[0];
      heard.push({ event, code: packet?.refusal?.code, payload });
      const ack = args.at(-1);
      if (typeof ack === 'function') ack(packet?.refusal ?? 'fine');
    });
  });
  const nothing = () => undefined;
  const routes = route(nothing, nothing);
  const http = createServer(routes.onRequest);
  http.on('upgrade', routes.onUpgrade);
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(http.address() as AddressInfo).port}`;
  onTestFinished(() => {
    connectionLimits.close();
    engine.close();
    http.close();
    http.closeAllConnections();
  });
  return { io, host, clock, heard, left, connectionLimits };
}

/** A client that sends only pongs by itself. */
async function open(host: string, version = 4, headers = {}) {
  const url = `ws://${host}/socket.io/?EIO=${version}&transport=websocket`;
  const socket = new WebSocket(url, { headers });
  const packets: string[] = [];
  socket.on('message', (data) => packets.push(data.toString()));
  const closed = once(socket, 'close');
  onTestFinished(() => socket.terminate());
  await until(() => expect(packets[0]).toMatch(/^0/));
  return {
    packets,
    closed,
    send: (packet: string, fin = true) => socket.send(packet, { fin }),
    async enter() {
      socket.send('40');
      await until(() => expect(packets.some((packet) => packet.startsWith('40'))).toBe(true));
    },
  };
}

const byesOf = (packets: readonly string[]) =>
  packets.filter((packet) => packet.startsWith('42["bye"')).map((packet) => JSON.parse(packet.slice(2))[1]);

describe('the limits of a connection', () => {
  it('pass a burst, then refuse events by name without decoding, and disconnect a client that goes on', async () => {
    const { host, heard, connectionLimits } = await server({ events: { perMs: 0.001, burst: 10 } });
    const client = await open(host);
    await client.enter();
    const parse = vi.spyOn(JSON, 'parse');
    for (let n = 0; n < 9; n += 1) client.send('42["tiny",1]');
    client.send('421["late",{"text":"not decoded"}]');
    await until(() => expect(client.packets.some((packet) => packet.startsWith('431'))).toBe(true));
    expect(heard.slice(0, 9)).toEqual(Array(9).fill({ event: 'tiny', code: undefined, payload: 1 }));
    expect(heard[9]).toEqual({ event: 'late', code: 'rate_limited', payload: undefined });
    expect(parse.mock.calls.some(([text]) => text.includes('not decoded'))).toBe(false);
    parse.mockRestore();
    for (let n = 0; n < 10; n += 1) client.send('42["late"]');
    await client.closed;
    expect(byesOf(client.packets)).toEqual([
      expect.objectContaining({ code: 3504, reconnect: true, afterMs: 12_000 }),
    ]);
    expect(connectionLimits.closedCount()).toBe(1);
  });

  it('pass a client that waits for retryAfterMs', async () => {
    const { host, clock, heard } = await server({ events: { perMs: 0.001, burst: 2 } });
    const client = await open(host);
    await client.enter();
    client.send('42["first"]');
    client.send('421["second"]');
    await until(() => expect(client.packets.at(-1)).toMatch(/^431/));
    const { retryAfterMs } = JSON.parse(client.packets.at(-1)?.slice(3) ?? '')[0];
    clock.nowMs += retryAfterMs;
    client.send('422["third"]');
    await until(() => expect(client.packets.at(-1)).toBe('432["fine"]'));
    expect(heard.map(({ code }) => code)).toEqual([undefined, 'rate_limited', undefined]);
  });

  it('count the bytes of any packet', async () => {
    const { host, heard } = await server({ bytes: { perMs: 1, burst: 1_000 } });
    const client = await open(host);
    await client.enter();
    const long = `42["long","${'é'.repeat(300)}"]`;
    for (let n = 0; n < 4; n += 1) client.send(long);
    await client.closed;
    expect(heard.map(({ code }) => code)).toEqual([undefined, undefined, 'rate_limited']);
    expect(byesOf(client.packets)).toHaveLength(1);
  });

  it('count unsolicited heartbeats', async () => {
    const { host } = await server({ events: { perMs: 0.001, burst: 10 } });
    const client = await open(host);
    await client.enter();
    for (let n = 0; n < 21; n += 1) client.send('3');
    await client.closed;
  });

  it.each([
    ['an array of many objects', `42["x",[${Array(39_000).fill('{}').join(',')}]]`, 'bad_request'],
    ['nested brackets', `42["x",${'['.repeat(41_000)}${']'.repeat(41_000)}]`, 'bad_request'],
    [
      'a todo of 100,000 keys',
      `42["todo",{${Array.from({ length: 100_000 }, (_, n) => `"k${n}":1`)}}]`,
      'too_large',
    ],
  ])('refuse %s before it is decoded', async (_name, packet, code) => {
    const { host, heard } = await server();
    const client = await open(host);
    await client.enter();
    client.send(packet);
    await until(() => expect(heard).toHaveLength(1));
    expect(heard[0]).toMatchObject({ code, payload: undefined });
  });

  it('pass a long text', async () => {
    const { host, heard } = await server();
    const client = await open(host);
    await client.enter();
    client.send(`42["x","${'a'.repeat(1_000_000)}"]`);
    await until(() => expect(heard).toHaveLength(1));
    expect(heard[0]?.code).toBeUndefined();
  });

  it.each([
    ['an event', '42["x",{"text":"too early"}]'],
    ['an answer', '431["too early"]'],
    ['a long CONNECT', `40{"token":"too early ${'x'.repeat(65_536)}"}`],
  ])('decode nothing of %s before a namespace was entered', async (_name, packet) => {
    const { host } = await server();
    const client = await open(host);
    const parse = vi.spyOn(JSON, 'parse');
    client.send(packet);
    await client.closed;
    expect(parse.mock.calls.some(([text]) => text.includes('too early'))).toBe(false);
    parse.mockRestore();
  });

  it('accept events of a 2.x client, which is in the main namespace from the start', async () => {
    const { host, heard } = await server();
    const client = await open(host, 3);
    client.send('42["x"]');
    await until(() => expect(heard).toHaveLength(1));
  });

  it('allow a connection to leave and enter again, a limited number of times', async () => {
    const { host, left } = await server();
    const client = await open(host);
    const entered = () => client.packets.filter((packet) => packet.startsWith('40')).length;
    for (let n = 1; n <= 22; n += 1) {
      client.send('40');
      await until(() => expect(entered()).toBe(n));
      client.send('41');
      await until(() => expect(left).toHaveLength(n));
    }
    client.send('40');
    await client.closed;
    expect(entered()).toBe(22);
  });

  const separated = (packets: string[]) => packets.join('\x1e');
  const prefixed = (packets: string[]) => packets.map((packet) => `${packet.length}:${packet}`).join('');
  const inForm = (payload: string) => `d=${encodeURIComponent(payload)}`;
  const inBytes = (packets: string[]) =>
    Buffer.concat(packets.map((text) => Buffer.from([0, text.length, 255, ...Buffer.from(text)])));
  it.each<{ protocol: string; bodyOf: (packets: string[]) => string | Buffer<ArrayBuffer>; type?: string }>([
    { protocol: 'EIO=4', bodyOf: separated },
    { protocol: 'EIO=4&j=0', bodyOf: (packets) => inForm(separated(packets)) },
    { protocol: 'EIO=3', bodyOf: prefixed },
    { protocol: 'EIO=3&j=0', bodyOf: (packets) => inForm(prefixed(packets)) },
    { protocol: 'EIO=3', bodyOf: inBytes, type: 'application/octet-stream' },
  ])(
    'let go of a client that polls with more packets in a body than any client has: $protocol $type',
    async (wire) => {
      const { host, heard } = await server();
      const headers = { 'Content-Type': wire.type ?? 'text/plain' };
      const enter = async () => {
        const at = `http://${host}/socket.io/?${wire.protocol}&transport=polling`;
        const opened = await (await fetch(at)).text();
        const own = `${at}&sid=${/sid\\*":\\*"([^"\\]+)/.exec(opened)?.[1]}`;
        const post = async (packets: string[]) =>
          (await fetch(own, { method: 'POST', body: wire.bodyOf(packets), headers })).status;
        const poll = async () => (await fetch(own)).text();
        if (wire.protocol.startsWith('EIO=4')) expect(await post(['40'])).toBe(200);
        if (!opened.includes('2:40')) expect(await poll()).toContain('40');
        return { post, poll };
      };
      const many = await enter();
      expect(await many.post(Array(2_000).fill('42["x"]'))).toBe(200);
      await until(() => expect(heard).toHaveLength(2_000));
      const tooMany = await enter();
      const answer = tooMany.poll();
      await tooMany.post(Array(2_001).fill('42["x"]'));
      expect(await answer).toMatch(/code\\*":3504/);
      expect(heard).toHaveLength(2_000);
    },
  );

  it('of an address are shared by its connections, whatever X-Forwarded-For they send', async () => {
    const { host, heard } = await server({ events: { perMs: 0.001, burst: 20 } });
    const school = { 'X-Forwarded-For': '203.0.113.7' };
    // Each connection stays below its limit, until the address has used up fifty times as much.
    const chatter = async () => {
      const client = await open(host, 4, school);
      await client.enter();
      for (let m = 0; m < 14; m += 1) client.send('42["x"]');
    };
    await Promise.all(Array.from({ length: 67 }, chatter));
    await until(() => expect(heard).toHaveLength(67 * 14));
    expect(heard.filter(({ code }) => code === 'rate_limited')).toHaveLength(67 * 15 - 1_000);
    const elsewhere = await open(host, 4, { 'X-Forwarded-For': '203.0.113.8' });
    await elsewhere.enter();
    elsewhere.send('42["x"]');
    await until(() => expect(heard.at(-1)?.code).toBeUndefined());
  });
});

describe('what a connection sends at once', () => {
  const EVENTS = 500;
  const texts = Array.from({ length: EVENTS }, (_, n) => `42["n",${n}]`);
  const all = Array.from({ length: EVENTS }, (_, n) => n);

  /** A server that notes of each event the turn of the event loop in which it was heard. */
  async function countingServer() {
    const turn = countTurns();
    const turns = new Map<number, number>();
    const { host, heard } = await server();
    const push = heard.push.bind(heard);
    heard.push = (...more) => {
      turns.set(turn(), (turns.get(turn()) ?? 0) + 1);
      return push(...more);
    };
    return {
      host,
      payloads: () => heard.map(({ payload }) => payload),
      most: () => Math.max(...turns.values()),
    };
  }

  async function poll(host: string) {
    const url = `http://${host}/socket.io/?EIO=4&transport=polling`;
    const { sid } = JSON.parse((await (await fetch(url)).text()).slice(1)) as { sid: string };
    const session = `${url}&sid=${sid}`;
    await fetch(session, { method: 'POST', body: '40' });
    await (await fetch(session)).text();
    return {
      sid,
      post: (packets: string[]) => fetch(session, { method: 'POST', body: packets.join('\x1e') }),
      read: async () => (await fetch(session)).text(),
    };
  }

  // One turn may have the end of what one poll of the kernel read, and the beginning of the next.
  it('by WebSocket is heard in parts and in order', async () => {
    const { host, payloads, most } = await countingServer();
    const client = await open(host);
    await client.enter();
    for (const text of texts) client.send(text);
    await until(() => expect(payloads()).toEqual(all));
    expect(most()).toBeLessThanOrEqual(2 * (PACKETS_PER_TURN + 1));
  });

  it('in tiny fragments is heard in parts by the bytes of their frames', async () => {
    const { host, payloads, most } = await countingServer();
    const client = await open(host);
    await client.enter();
    const fragments = [...`42["n","${'x'.repeat(400)}"]`];
    for (let n = 0; n < 40; n += 1) {
      for (const [at, letter] of fragments.entries()) client.send(letter, at === fragments.length - 1);
    }
    await until(() => expect(payloads()).toHaveLength(40));
    const frameBytes = 7;
    expect(most()).toBeLessThanOrEqual(2 * Math.ceil(BYTES_PER_TURN / (frameBytes * fragments.length)));
  });

  it('in a POST, and in the one behind it, is heard in parts and in order', async () => {
    const { host, payloads, most } = await countingServer();
    const { post } = await poll(host);
    await post(texts.slice(0, 300));
    await post(texts.slice(300));
    await until(() => expect(payloads()).toEqual(all));
    expect(most()).toBeLessThanOrEqual(2 * (PACKETS_PER_TURN + 1));
  });

  it('in POSTs closes the connection once more of it waits than any client has', async () => {
    const { host, heard } = await server({ behind: true });
    const { post, read } = await poll(host);
    await post(texts);
    const begun = heard.length;
    expect(begun).toBeLessThanOrEqual(PACKETS_PER_TURN);
    const answer = read();
    const large = `42["x","${'x'.repeat(1_000_000)}"]`;
    for (let n = 0; n < 8; n += 1) expect((await post([large])).status).toBe(200);
    for (let n = 0; n < 2; n += 1) await post([large]).catch(() => undefined);
    expect(await answer).toMatch(/"code":3504/);
    expect(heard).toHaveLength(begun);
  });

  it('in a POST before an upgrade is heard before what comes over the WebSocket', async () => {
    const { host, payloads } = await countingServer();
    const { sid, post } = await poll(host);
    const upgrading = new WebSocket(`ws://${host}/socket.io/?EIO=4&transport=websocket&sid=${sid}`);
    onTestFinished(() => upgrading.terminate());
    await once(upgrading, 'open');
    upgrading.send('2probe');
    await once(upgrading, 'message');
    const posted = post(texts.slice(0, -1));
    await until(() => expect(payloads().length).toBeGreaterThan(0));
    upgrading.send('5');
    upgrading.send(texts.at(-1) as string);
    await posted;
    await until(() => expect(payloads()).toEqual(all));
  });
});

describe('a connection over its limit', () => {
  it.each(['disconnect', 'connect_error', 'newListener'])(
    'is not confused with the %s of Socket.IO',
    async (name) => {
      const { host, heard, left } = await server();
      const client = await open(host);
      await client.enter();
      client.send(`42["${name}",${'['.repeat(41_000)}${']'.repeat(41_000)}]`);
      await client.closed;
      expect(heard).toEqual([]);
      await until(() => expect(left).toHaveLength(1));
    },
  );

  it('may still enter a namespace and leave it', async () => {
    const { host, left } = await server({ events: { perMs: 0.001, burst: 1 } });
    const client = await open(host);
    client.send('3');
    await client.enter();
    client.send('41');
    await until(() => expect(left).toHaveLength(1));
  });

  it('is closed by a DISCONNECT of more than a namespace’s name', async () => {
    const { host } = await server();
    const client = await open(host);
    await client.enter();
    client.send(`41["${'x'.repeat(2_000)}"]`);
    await client.closed;
  });

  it('is closed for endless probes of another transport', async () => {
    const { host } = await server();
    const polling = await fetch(`http://${host}/socket.io/?EIO=4&transport=polling`);
    const { sid } = JSON.parse((await polling.text()).slice(1)) as { sid: string };
    const probe = new WebSocket(`ws://${host}/socket.io/?EIO=4&transport=websocket&sid=${sid}`);
    onTestFinished(() => probe.terminate());
    await once(probe, 'open');
    const closed = once(probe, 'close');
    for (let n = 0; n < 9; n += 1) probe.send('2probe');
    expect(await closed).toEqual([1006, expect.anything()]);
  });
});

describe('a connection that has left its last namespace', () => {
  /** Waits without a timer: those are faked. */
  async function turnsUntil(isSo: () => boolean) {
    while (!isSo()) await new Promise(setImmediate);
  }

  async function leave() {
    const { host, left } = await server();
    const client = await open(host);
    await client.enter();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    client.send('41');
    await turnsUntil(() => left.length === 1);
    return client;
  }

  it('is closed after 10 s', async () => {
    const client = await leave();
    vi.advanceTimersByTime(10_000);
    await client.closed;
  });

  it('stays if it enters one again before', async () => {
    const client = await leave();
    vi.advanceTimersByTime(9_999);
    client.send('40');
    await turnsUntil(() => client.packets.filter((packet) => packet.startsWith('40')).length === 2);
    vi.advanceTimersByTime(10_000);
    client.send('420["x"]');
    await turnsUntil(() => client.packets.includes('430["fine"]'));
  });
});

it('of Socket.IO 2.x, which passes through a main namespace that is not served, is closed after 10 s', async () => {
  const { io, host, connectionLimits } = await server();
  io.removeAllListeners('connection');
  refuseMain(io.of('/'), connectionLimits);
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const client = await open(host, 3);
  // The clients of 2.x ping the server, and a silent one would be closed as dead.
  const pings = setInterval(() => client.send('2'), 5_000);
  onTestFinished(() => clearInterval(pings));
  await until(() => expect(client.packets).toContain('40'));
  vi.advanceTimersByTime(10_000);
  await client.closed;
});

describe('RATE_CONNECT', () => {
  const ask = (host: string, address: string, more: object = {}) =>
    fetch(`http://${host}/socket.io/?EIO=4&transport=polling`, {
      headers: { 'X-Forwarded-For': address, ...more },
    });

  it('limits connections of an address over both transports and answers with Retry-After', async () => {
    const { host, clock } = await server({ connect: { perMs: 0.001, burst: 2 } });
    const first = await ask(host, '203.0.113.7');
    const { sid } = JSON.parse((await first.text()).slice(1)) as { sid: string };
    const client = await open(host, 4, { 'X-Forwarded-For': '203.0.113.7' });
    await client.enter();
    const third = await ask(host, '203.0.113.7');
    expect([third.status, third.headers.get('retry-after')]).toEqual([429, '1']);
    expect(await third.json()).toMatchObject({ error: { code: 'rate_limited', retryAfterMs: 1_000 } });
    const socket = new WebSocket(`ws://${host}/socket.io/?EIO=4&transport=websocket`, {
      headers: { 'X-Forwarded-For': '203.0.113.7' },
    });
    const [, refused] = await once(socket, 'unexpected-response');
    expect(refused.statusCode).toBe(429);
    expect((await ask(host, '203.0.113.8')).status).toBe(200);
    // An open connection goes on.
    const known = `http://${host}/socket.io/?EIO=4&transport=polling&sid=${sid}`;
    expect((await fetch(known, { method: 'POST', body: '40' })).status).toBe(200);
    clock.nowMs += 1_000;
    expect((await ask(host, '203.0.113.7')).status).toBe(200);
  });

  it.each(['&sid=', '&sid=x&sid=', '#&sid=x', '&%73id='])(
    'does not accept %s as a session id',
    async (end) => {
      const { host } = await server({ connect: { perMs: 0.001, burst: 1 } });
      const open = (path: string) =>
        new Promise((resolve) => get(`http://${host}`, { path }, ({ statusCode }) => resolve(statusCode)));
      const path = '/socket.io/?EIO=4&transport=polling';
      expect(await open(path)).toBe(200);
      expect(await open(path + end)).toBe(429);
    },
  );

  it('counts an IPv6 /64 as one address, also without a proxy', async () => {
    const { host } = await server({ connect: { perMs: 0.001, burst: 1 } });
    expect((await ask(host, '2001:db8::1')).status).toBe(200);
    expect((await ask(host, '2001:db8::2')).status).toBe(429);
    expect((await ask(host, '2001:db8:0:1::1')).status).toBe(200);
    const direct = `http://${host}/socket.io/?EIO=4&transport=polling`;
    expect((await fetch(direct)).status).toBe(200);
    expect((await fetch(direct)).status).toBe(429);
  });

  it('counts entering a namespace again', async () => {
    const { host, left } = await server({ connect: { perMs: 0.001, burst: 3 } });
    const client = await open(host, 4, { 'X-Forwarded-For': '203.0.113.7' });
    await client.enter();
    for (const time of [1, 2]) {
      client.send('41');
      await until(() => expect(left).toHaveLength(time));
      client.send('40');
      await until(() => {
        expect(client.packets.filter((packet) => packet.startsWith('40'))).toHaveLength(time + 1);
      });
    }
    client.send('41');
    await until(() => expect(left).toHaveLength(3));
    client.send('40');
    await client.closed;
  });
});
