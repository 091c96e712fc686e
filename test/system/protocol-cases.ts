import type { Link, LinkOptions, PacketStream } from './protocol-link.ts';

export const NO_EVENT = '["no such event",{}]';
export const INVALID_NAMESPACE = '{"message":"Invalid namespace"}';

/** The outcome of a new session over either transport. */
export interface LinkRule {
  readonly title: string;
  readonly options?: LinkOptions;
  readonly act: (link: Link) => Promise<unknown>;
  readonly outcome: unknown;
}

/** Enters a namespace; the name of the socket there. */
export async function enter(link: Link, packet = '40'): Promise<string | undefined> {
  link.send(packet);
  const connected = await link.find('40');
  const namespace = packet.startsWith('40/') ? packet.slice(2).replace(/,?$/, ',') : '';
  await link.find(`42${namespace}["hello"`);
  return connected && (JSON.parse(connected.slice(2 + namespace.length)) as { sid: string }).sid;
}

/** Returns whether an event is still answered. */
export async function stateOf(stream: PacketStream, namespace = ''): Promise<'answers' | 'ended'> {
  stream.send(`42${namespace}7${NO_EVENT}`);
  return (await stream.find(`43${namespace}7[`)) === undefined ? 'ended' : 'answers';
}

/** The slowest come first. */
export const TIMES: readonly LinkRule[] = [
  {
    title: 'end a connection that enters no namespace in time',
    act: (link) => link.ended(),
    outcome: 'ended',
  },
  {
    title: 'end a connection that answers no ping',
    options: { pongs: false },
    async act(link) {
      await enter(link);
      return link.ended();
    },
    outcome: 'ended',
  },
  {
    title: 'ping, and keep a connection that answers',
    async act(link) {
      await enter(link);
      await link.pinged(3);
      return stateOf(link);
    },
    outcome: 'answers',
  },
];

export const CONNECTS: readonly LinkRule[] = [
  {
    title: 'answer CONNECT with the name of the socket, which is not that of the session',
    async act(link) {
      link.send('40');
      const { sid, ...more } = JSON.parse((await link.next())?.slice(2) ?? '{}') as { sid?: string };
      return { named: /^[\w-]{20}$/.test(sid ?? ''), secret: sid !== link.sid, more };
    },
    outcome: { named: true, secret: true, more: {} },
  },
  {
    title: 'take what CONNECT brings',
    async act(link) {
      link.send('40{"userId":"protocol-rules"}');
      const hello = await link.find('42["hello"');
      return (JSON.parse(hello?.slice(2) ?? '[]') as [string, { user: { id: string } }])[1].user.id;
    },
    outcome: 'protocol-rules',
  },
  {
    title: 'answer CONNECT to an unknown namespace with CONNECT_ERROR, and go on',
    async act(link) {
      link.send('40/nowhere,');
      return [await link.next(), await enter(link).then(() => stateOf(link))];
    },
    outcome: [`44/nowhere,${INVALID_NAMESPACE}`, 'answers'],
  },
  {
    title: 'answer a CONNECT that they refuse with CONNECT_ERROR and its code, and go on',
    async act(link) {
      link.send('40{"userId":"#"}');
      const refused = (await link.next()) ?? '';
      const { data } = JSON.parse(refused.slice(2)) as { data: { code: string } };
      return [refused.slice(0, 2), data.code, await enter(link).then(() => stateOf(link))];
    },
    outcome: ['44', 'bad_request', 'answers'],
  },
  {
    title: 'serve several namespaces over one connection, each until it is left',
    async act(link) {
      const [main, post] = [await enter(link), await enter(link, '40/post')];
      const states = [await stateOf(link), await stateOf(link, '/post,')];
      link.send('41/post,');
      return [main !== post, ...states, await stateOf(link)];
    },
    outcome: [true, 'answers', 'answers', 'answers'],
  },
  {
    title: 'let a client that has left a namespace enter it again, as another socket',
    async act(link) {
      await enter(link);
      const first = await enter(link, '40/post');
      link.send('41/post');
      // Leaving is not acknowledged: the next event is taken after it.
      const states = [await stateOf(link)];
      const second = await enter(link, '40/post');
      return [...states, second !== first, await stateOf(link, '/post,')];
    },
    outcome: ['answers', true, 'answers'],
  },
  {
    title: 'answer each event by its ack id, whatever that is, in the order of the events',
    async act(link) {
      await enter(link);
      const ids = [3, 0, 4_294_967_296, 3];
      link.send(...ids.map((id) => `42${id}${NO_EVENT}`));
      const acks: string[] = [];
      while (acks.length < ids.length) acks.push((await link.find('43'))?.split('[', 1)[0] ?? 'ended');
      return acks;
    },
    outcome: ['433', '430', '434294967296', '433'],
  },
];

interface Packets {
  readonly what: string;
  readonly packets: readonly (string | Buffer)[];
}

/** Packets that a client in the namespace `/` may send without an effect. */
export const IGNORED: readonly Packets[] = [
  { what: 'an OPEN', packets: ['0{}'] },
  { what: 'a PONG that nothing asked for', packets: ['3'] },
  { what: 'an UPGRADE', packets: ['5'] },
  { what: 'a NOOP', packets: ['6'] },
  { what: 'an ack that nothing waits for', packets: ['43999[]'] },
];

export const BREACHES: readonly Packets[] = [
  { what: 'a packet of no type of Engine.IO', packets: ['x'] },
  { what: 'a PING, which only the server sends', packets: ['2'] },
  { what: 'an empty message', packets: ['4'] },
  { what: 'a packet of no type of Socket.IO', packets: ['49'] },
  { what: 'an event that is no array', packets: ['42{}'] },
  { what: 'an event without a name', packets: ['42[]'] },
  { what: 'an event named as one of Socket.IO', packets: ['42["disconnect"]'] },
  { what: 'an event with an ack id that is no number', packets: [`42abc${NO_EVENT}`] },
  { what: 'broken JSON', packets: ['42["say"'] },
  { what: 'an event in a namespace that was not entered', packets: [`42/post,${NO_EVENT}`] },
  { what: 'an ack that is no array', packets: ['431{}'] },
  { what: 'a CONNECT to a namespace in which it is', packets: ['40'] },
  { what: 'a CONNECT_ERROR', packets: ['44{"message":"no"}'] },
  { what: 'a DISCONNECT with a payload', packets: ['41{}'] },
  { what: 'a binary event', packets: ['451-["say",{"_placeholder":true,"num":0}]'] },
  { what: 'a binary ack', packets: ['461-7[{"_placeholder":true,"num":0}]'] },
  { what: 'a binary message', packets: [Buffer.from([1, 2, 3, 4])] },
];

export const BREACHES_BEFORE_CONNECT: readonly Packets[] = [
  { what: 'an event before CONNECT', packets: [`42${NO_EVENT}`] },
  { what: 'a DISCONNECT before CONNECT', packets: ['41'] },
  { what: 'a CONNECT that brings no object', packets: ['40[]'] },
  { what: 'two CONNECTs to one namespace at once', packets: ['40', '40'] },
];

interface BadRequest {
  readonly what: string;
  readonly method?: string;
  readonly query: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly status?: number;
  /** The code of Engine.IO's error. */
  readonly code: number;
}

export const BAD_REQUESTS: readonly BadRequest[] = [
  { what: 'no transport', query: 'EIO=4', code: 0 },
  { what: 'an unknown transport', query: 'EIO=4&transport=pigeon', code: 0 },
  { what: 'a transport that is not served', query: 'EIO=4&transport=webtransport', code: 0 },
  { what: 'no version', query: 'transport=polling', code: 5 },
  { what: 'an earlier version', query: 'EIO=3&transport=polling', code: 5 },
  { what: 'a version that is none', query: 'EIO=abc&transport=polling', code: 5 },
  { what: 'an unknown session', query: 'EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAAAAAA', code: 1 },
  {
    what: 'a session named as a member of every object',
    query: 'EIO=4&transport=polling&sid=__proto__',
    code: 1,
  },
  { what: 'a WebSocket without an upgrade', query: 'EIO=4&transport=websocket', code: 3 },
  { what: 'a handshake by POST', method: 'POST', query: 'EIO=4&transport=polling', code: 2 },
  { what: 'a handshake by PUT', method: 'PUT', query: 'EIO=4&transport=polling', code: 2 },
  { what: 'a handshake by DELETE', method: 'DELETE', query: 'EIO=4&transport=polling', code: 2 },
  {
    what: 'an origin that is not allowed',
    query: 'EIO=4&transport=polling',
    headers: { origin: 'https://elsewhere.example' },
    status: 403,
    code: 4,
  },
];

export const BAD_UPGRADES: readonly (readonly [query: string, status: number, body: string])[] = [
  ['EIO=4', 400, 'Transport unknown'],
  ['EIO=4&transport=pigeon', 400, 'Transport unknown'],
  ['EIO=4&transport=websocket&sid=AAAAAAAAAAAAAAAAAAAA', 400, 'Session ID unknown'],
  ['transport=websocket', 400, 'Unsupported protocol version'],
  ['EIO=3&transport=websocket', 400, 'Unsupported protocol version'],
  // Engine.IO looks at this after the upgrade.
  ['EIO=4&transport=polling', 101, ''],
];
