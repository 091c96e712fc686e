import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { ATTACKED_ROOM, type Attacker, atPace, BYTES, EVENTS, write } from './attacker.ts';

const SEPARATOR = '\x1e';
const TEXT = { 'content-type': 'text/plain;charset=UTF-8' };
const JSON_BODY = { 'content-type': 'application/json' };
/** A client that was cut off for a while would send so many in one body. */
const SMALL_PACKETS = EVENTS.perS * 0.9;
const LARGE_PACKETS = 30;
const ELEMENTS = JSON.stringify(Array.from({ length: 10_000 }, () => []));
const AGAIN_MS = 50;

const small = Array.from(
  { length: SMALL_PACKETS },
  (_, n) =>
    `42${JSON.stringify(['react', { roomid: ATTACKED_ROOM, seq: 1, reaction: 'a', on: n % 2 === 0 }])}`,
).join(SEPARATOR);
const large = Array.from({ length: LARGE_PACKETS }, () => `42["nothing",${ELEMENTS}]`).join(SEPARATOR);

/** Bodies of a polling session: many small packets and few large ones. */
export const polling: Attacker = {
  name: 'polling bodies',
  async attack(url, over, count) {
    while (!over.aborted) {
      const ended = new AbortController();
      const session = await openSession(url);
      const signal = AbortSignal.any([over, ended.signal]);
      const reading = readAll(session, signal).finally(() => ended.abort());
      const post = (body: string) =>
        fetch(session, { method: 'POST', body, headers: TEXT }).then(
          (answer) => answer.arrayBuffer(),
          () => undefined,
        );
      await post('40');
      // The burst of bytes: a body of each kind is what a second allows.
      await atPace({ burst: Math.floor(BYTES.burst / BYTES.perS), perS: 1 }, signal, async (units) => {
        for (let n = 0; n < units; n += 1) {
          await post(small);
          await post(large);
        }
        count(units * (SMALL_PACKETS + LARGE_PACKETS));
      });
      ended.abort();
      await reading;
      await pause(AGAIN_MS);
    }
  },
};

async function openSession(url: string): Promise<string> {
  const search = new URLSearchParams({
    EIO: '4',
    transport: 'polling',
    roomid: ATTACKED_ROOM,
    username: 'Attacker',
  });
  const path = `${url}/socket.io/?${search}`;
  const opened = await (await fetch(path)).text();
  return `${path}&sid=${(JSON.parse(opened.slice(1)) as { sid: string }).sid}`;
}

async function readAll(session: string, over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    const answer = await fetch(session, { signal: over }).catch(() => undefined);
    if (answer?.status !== 200) return;
    await answer.arrayBuffer().catch(() => undefined);
  }
}

type Call = readonly [path: string, init?: RequestInit];

/** Requests that a stranger may send without a key. */
const CALLS: readonly Call[] = [
  ['/'],
  ['/sdk.js'],
  ['/api/v1/rooms'],
  ['/api/v1/openapi.json'],
  ['/api/v1/push', { method: 'POST', headers: JSON_BODY, body: `{"users":${ELEMENTS}}` }],
  ['/api', { method: 'POST', headers: JSON_BODY, body: `{"tokens":${ELEMENTS}}` }],
  ['/metrics'],
  [`/${'x'.repeat(4_000)}`],
];

/** One request after the other. */
export const api: Attacker = {
  name: 'HTTP API',
  async attack(url, over, count) {
    for (let n = 0; !over.aborted; n += 1) {
      const [path, init] = CALLS[n % CALLS.length] as Call;
      const answer = await fetch(`${url}${path}`, { ...init, signal: over }).catch(() => undefined);
      await answer?.arrayBuffer().catch(() => undefined);
      count(1);
    }
  },
};

const PIPELINED = 1_000;

/** A thousand requests in one write, before the first is answered. */
export const pipelined: Attacker = {
  name: 'HTTP pipelined',
  async attack(url, over, count) {
    const { hostname: host, port, host: name } = new URL(url);
    const requests = `GET /api/v1/rooms HTTP/1.1\r\nHost: ${name}\r\n\r\n`.repeat(PIPELINED);
    while (!over.aborted) {
      const socket = connect({ host, port: Number(port), noDelay: true });
      socket.on('error', () => undefined);
      socket.resume();
      while (!over.aborted && !socket.destroyed) {
        await write(socket, requests, over);
        count(PIPELINED);
        await pause(0);
      }
      socket.destroy();
      await pause(AGAIN_MS);
    }
  },
};
