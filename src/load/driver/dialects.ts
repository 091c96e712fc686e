import { NUMBER_SLOT, NUMBERS_FROM, textTemplate } from '../checker/live/origin-text.ts';
import type { ReadMessage } from '../checker/live/room-check.ts';
import type { Dialect, DialectClient, NumberedMessage } from './dialect.ts';
import { DialectFault, readModule } from './dialect-module.ts';
import { createEventDialect } from './event-dialect.ts';
import type { BuiltInDialect, DialectName } from './orders.ts';
import { S3 } from './s3.ts';

const SOCKET_PATH = '/socket.io/';
const named = ({ spec: { room, socketPath = SOCKET_PATH }, name }: DialectClient) =>
  `${socketPath}?EIO=4&username=${encodeURIComponent(name)}${room === undefined ? '' : `&roomid=${encodeURIComponent(room)}`}`;
const socketSay = ({ spec: { id } }: DialectClient, room: string, bytes: number) =>
  `42${NUMBER_SLOT}["say",{"text":"${textTemplate(id, room, bytes)}","clientMsgId":"${NUMBER_SLOT}"}]`;
const bareSay =
  (head: string) =>
  ({ spec: { id } }: DialectClient, room: string, bytes: number) =>
    `{"number":${NUMBER_SLOT},${head.replace('ROOM', room)}"text":"${textTemplate(id, room, bytes)}"${head === '' ? '' : '}'}}`;

/** Finds the text of a message in any JSON: it begins with the only `@` and has no quotes. */
export function readText(frame: string): ReadMessage | undefined {
  const at = frame.indexOf('@');
  const end = frame.indexOf('"', at);
  return at < 0 || end < 0 ? undefined : { text: frame.slice(at, end) };
}

interface RoomcastMessage {
  readonly seq: number;
  readonly epoch?: string;
  readonly roomid: string;
  readonly data?: { readonly username?: string; readonly text?: string };
}

function readRoomcast({ roomid, epoch, data }: RoomcastMessage): ReadMessage | undefined {
  if (data?.text === undefined) return undefined;
  return {
    text: data.text,
    room: roomid,
    ...(epoch !== undefined && { epoch }),
    ...(data.username !== undefined && { username: data.username }),
  };
}

function numberedMessages(messages: readonly RoomcastMessage[]): NumberedMessage[] {
  return messages.map((each) => ({ number: each.seq, message: readRoomcast(each) ?? { text: '' } }));
}

const ROOMCAST: Dialect = {
  numberedBy: 'server',
  path: named,
  messageStart: () => '42["message",{"seq":',
  ackStart: () => '43',
  say: socketSay,
  read(frame) {
    try {
      return readRoomcast(JSON.parse(frame.slice(2))[1]);
    } catch {
      return undefined;
    }
  },
  hear(text, { spec: { room, token }, name, isIdentified, resume }) {
    if (text === '2') return { send: '3' };
    if (text.startsWith('0{')) {
      const userId = isIdentified && token === undefined ? name : undefined;
      return { send: `40${JSON.stringify({ userId, token, resume })}` };
    }
    if (text.startsWith('44')) return { refused: String(JSON.parse(text.slice(2)).data?.code ?? 'refused') };
    if (!text.startsWith('42["')) return undefined;
    const event = text.slice(4, text.indexOf('"', 4));
    const payload = () => JSON.parse(text.slice(2))[1];
    switch (event) {
      case 'hello': {
        const { worker } = payload();
        return room === undefined ? { worker, joinedAt: 0 } : { worker };
      }
      case 'joined': {
        const { seq, epoch, recovered, messages } = payload();
        if (recovered === undefined) return { joinedAt: seq, epoch };
        return { joinedAt: seq, epoch, recovered, missed: recovered ? numberedMessages(messages) : [] };
      }
      case 'bye':
        return { bye: payload() };
      case 'room:gap': {
        const { reason, from, to, epoch } = payload();
        return { goneBefore: reason === 'epoch' ? from : to + 1, epoch };
      }
      case 'push_message':
        return { inboxTop: payload().top };
      case 'private': {
        const { seq, to, from, text: said } = payload();
        return { privateMessage: { number: seq, to, message: { text: said, username: from?.name } } };
      }
      default:
        return undefined;
    }
  },
  sayPrivately: (to, text, id) => JSON.stringify(['private', { to, text, clientMsgId: id }]),
  askMembers: (roomid, cursor) => JSON.stringify(['room:members', { roomid, limit: 200, cursor }]),
  readMembers(answer) {
    const { ok, members, cursor } = answer as {
      ok: boolean;
      members: readonly { userId: string; clients: number }[];
      cursor?: string;
    };
    if (!ok) return undefined;
    const names = members.map(({ userId }) => userId);
    return cursor === undefined ? { names } : { names, cursor };
  },
};

const DIALECTS: Readonly<Record<BuiltInDialect, Dialect>> = {
  roomcast: ROOMCAST,
  s3: createEventDialect(S3),
  stock: {
    numberedBy: 'sender',
    path: named,
    messageStart: (room) => `42["message",{"event":"broadcast_say","roomid":"${room}","clientMsgId":"`,
    ackStart: () => '43',
    say: socketSay,
    read: readText,
    hear(text, { spec: { room } }) {
      if (text === '2') return { send: '3' };
      if (text.startsWith('0{')) return { send: '40' };
      // By the handshake it is in the room already; the answer only tells when.
      if (text.startsWith('40')) return room === undefined ? { joinedAt: 0 } : { send: '421["join",{}]' };
      if (text.startsWith('431[')) return { joinedAt: NUMBERS_FROM };
      return undefined;
    },
  },
  ws: {
    numberedBy: 'sender',
    path: ({ spec: { room }, name }) => `/?username=${name}${room === undefined ? '' : `&roomid=${room}`}`,
    messageStart: () => '{"number":',
    ackStart: () => '{"ack":',
    say: bareSay(''),
    read: readText,
    hear: (text) => (text === '{"joined":true}' ? { joinedAt: NUMBERS_FROM } : undefined),
  },
  nchan: {
    numberedBy: 'sender',
    path: ({ spec: { role, room } }) => `/${role === 'publisher' ? 'publish' : 'subscribe'}/${room}`,
    joinsByOpening: true,
    messageStart: () => '{"number":',
    say: bareSay('"event":"broadcast_say","roomid":"ROOM","data":{'),
    read: readText,
    hear: () => undefined,
  },
};

/** Rejects with a `DialectFault` if the module cannot be used. */
export async function openDialect(name: DialectName): Promise<Dialect> {
  return name.startsWith('file:') ? importDialect(name) : DIALECTS[name as BuiltInDialect];
}

async function importDialect(url: string): Promise<Dialect> {
  const imported = await import(url).catch((error: unknown) => {
    throw new DialectFault(`it cannot be loaded: ${error instanceof Error ? error.message : String(error)}`);
  });
  const module = readModule(imported);
  if ('connect' in module) return createEventDialect(module);
  throw new DialectFault(module.join('; '));
}
