import { once } from 'node:events';
import { request } from 'node:http';
import { MAX_PACKET_BYTES } from '../../src/protocol/limits.ts';
import { ask } from './front-door-client.ts';
import { enter, INVALID_NAMESPACE, NO_EVENT, stateOf } from './protocol-cases.ts';
import {
  openLink,
  openPollingSession,
  openSocket,
  pathOf,
  refusedUpgrade,
  SEPARATOR,
  sessionQuery,
  UNKNOWN_SESSION,
} from './protocol-link.ts';

/** The outcomes of requests at a port. */
export interface SessionRule {
  readonly title: string;
  readonly act: (port: number) => Promise<unknown>;
  readonly outcome: unknown;
  /** Set where nginx makes it impossible. */
  readonly notBehindNginx?: true;
}

const GONE = [400, UNKNOWN_SESSION];
const HUNG_UP = { status: 101, body: '' };

/** An event of so many bytes, as a packet. */
function packetOf(bytes: number): string {
  const [start, end] = ['427["no such event","', '"]'];
  return start + 'x'.repeat(bytes - start.length - end.length) + end;
}

/** A session that polls, in the namespace `/`. */
async function openPolling(port: number) {
  const session = await openPollingSession(port);
  await session.post('40');
  await session.pollUntil('42["hello"');
  return { ...session, query: sessionQuery('websocket', session.sid) };
}

export const POLLING_RULES: readonly SessionRule[] = [
  {
    title: 'answer a poll with all packets that wait',
    async act(port) {
      const { poll, post } = await openPollingSession(port);
      return [await post(['40/a,', '40/b,'].join(SEPARATOR)), await poll()];
    },
    outcome: [200, [200, ['44/a,', '44/b,'].map((start) => start + INVALID_NAMESPACE).join(SEPARATOR)]],
  },
  {
    title: 'end the session of two polls that overlap',
    async act(port) {
      const { poll, post } = await openPollingSession(port);
      for (;;) {
        const answers = (await Promise.all([poll(), poll()])).sort(([a], [b]) => a - b);
        // A ping answered one of them before the other came.
        if (answers[1]?.[0] === 200) await post('3');
        else return [...answers, await poll()];
      }
    },
    outcome: [[200, '1'], [400, ''], GONE],
  },
  {
    // nginx passes a body on when it has all of it: two of one client never overlap behind it.
    notBehindNginx: true,
    title: 'end the session of two POSTs that overlap',
    async act(port) {
      const { path, poll, post } = await openPollingSession(port);
      const headers = { 'content-length': '5', expect: '100-continue' };
      const first = request({ port, path, method: 'POST', headers, agent: false });
      const cut = once(first, 'error').then(() => 'cut off');
      first.flushHeaders();
      // The worker has begun to read it.
      await once(first, 'continue');
      first.write('4');
      return [await post('41'), await cut, await poll()];
    },
    outcome: [400, 'cut off', GONE],
  },
  {
    title: 'end a session that posts bytes',
    async act(port) {
      const { poll, post } = await openPollingSession(port);
      return [await post('40', { 'content-type': 'application/octet-stream' }), await poll()];
    },
    outcome: [400, GONE],
  },
  {
    title: 'end a session that posts CLOSE',
    async act(port) {
      const { poll, post } = await openPollingSession(port);
      return [await post('1'), await poll()];
    },
    outcome: [200, GONE],
  },
  {
    title: 'refuse requests that do not fit to their session, and serve it on',
    async act(port) {
      const { sid, path, post } = await openPollingSession(port);
      const others = [path.replace('EIO=4', 'EIO=3'), path.replace('polling', 'websocket')];
      const answers = await Promise.all(others.map((other) => ask(port, other)));
      const codes = answers.map(({ body }) => (JSON.parse(body) as { code: number }).code);
      const upgrade = await refusedUpgrade(port, `EIO=3&transport=websocket&sid=${sid}`);
      return [...codes, upgrade.status, await post('40')];
    },
    outcome: [3, 3, 400, 200],
  },
  {
    title: 'take a body of the largest size, refuse one of a byte more, and serve the session on',
    async act(port) {
      const { post, pollUntil } = await openPolling(port);
      const statuses = [await post(packetOf(MAX_PACKET_BYTES)), await post(packetOf(MAX_PACKET_BYTES + 1))];
      const answered = (await pollUntil('43')).slice(0, 3);
      await post(`428${NO_EVENT}`);
      return [...statuses, answered, (await pollUntil('43')).slice(0, 3)];
    },
    outcome: [200, 413, '437', '438'],
  },
];

async function probe(port: number, query: string) {
  const socket = openSocket(port, query);
  socket.send('2probe');
  return { socket, answer: await socket.next() };
}

export const WEBSOCKET_RULES: readonly SessionRule[] = [
  {
    title: 'take a frame of the largest size, and end a connection that sends one of a byte more',
    async act(port) {
      const link = await openLink(port, 'websocket');
      await enter(link);
      link.send(packetOf(MAX_PACKET_BYTES));
      const taken = (await link.find('437[')) !== undefined;
      link.send(packetOf(MAX_PACKET_BYTES + 1));
      return [taken, await link.ended()];
    },
    outcome: [true, 'ended'],
  },
  {
    title: 'answer the poll that waits when its session is upgraded, and serve it by WebSocket only',
    async act(port) {
      const { path, post, query, pollUntil } = await openPolling(port);
      const { socket, answer } = await probe(port, query);
      const freed = await pollUntil('6');
      socket.send('5');
      const state = await stateOf(socket);
      const late = [(await ask(port, path)).status, await post('41')];
      const second = await refusedUpgrade(port, query);
      const outcome = [answer, freed, state, ...late, second, await stateOf(socket)];
      socket.close();
      return outcome;
    },
    outcome: ['3probe', '6', 'answers', 400, 400, HUNG_UP, 'answers'],
  },
  {
    title: 'hang up on a second WebSocket that would upgrade a session which another one probes',
    async act(port) {
      const { query } = await openPolling(port);
      const { socket } = await probe(port, query);
      const second = await refusedUpgrade(port, query);
      socket.send('5');
      const state = await stateOf(socket);
      socket.close();
      return [second, state];
    },
    outcome: [HUNG_UP, 'answers'],
  },
  {
    title: 'hang up on a WebSocket that does not begin with a probe, and let its session poll on',
    async act(port) {
      const { post, pollUntil, query } = await openPolling(port);
      const socket = openSocket(port, query);
      socket.send('41');
      const ended = await socket.ended();
      await post(`427${NO_EVENT}`);
      return [ended, (await pollUntil('43')).slice(0, 3)];
    },
    outcome: ['ended', '437'],
  },
  {
    title: 'refuse other connections to a session that began as a WebSocket, and serve it on',
    async act(port) {
      const link = await openLink(port, 'websocket');
      await enter(link);
      const second = await refusedUpgrade(port, sessionQuery('websocket', link.sid));
      const poll = await ask(port, pathOf(sessionQuery('polling', link.sid)));
      const outcome = [second, poll.status, await stateOf(link)];
      link.close();
      return outcome;
    },
    outcome: [{ status: 400, body: 'Bad request' }, 400, 'answers'],
  },
];
