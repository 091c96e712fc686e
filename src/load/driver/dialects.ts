import type { ClientSpec, Tongue } from './orders.ts';
import { NUMBER_SLOT, NUMBERS_FROM, TIME_SLOT } from './say-frame.ts';

/** What a text that is neither a room's message nor an ack means for the client that got it. */
export interface Meaning {
  readonly send?: string;
  /** It is in its room; the next message there has the number after this one. */
  readonly joinedAt?: number;
  /** Code of a `bye`. */
  readonly bye?: number;
}

/** How to speak to a system over a WebSocket, and what to look for in what it says. */
export interface Dialect {
  path(client: ClientSpec): string;
  /** Sent by the client as soon as the connection is open. */
  readonly hello?: string;
  /** In a room without a word of the server. */
  readonly joinsByOpening?: boolean;
  /** What every message of the room begins with; its number follows. */
  messageStart(room: string): string;
  /** What every ack begins with; the number of what is acked follows. Without one they come in order. */
  readonly ackStart?: string;
  say(room: string, textBytes: number): string;
  hear(text: string, client: ClientSpec): Meaning | undefined;
}

/** `@` is nowhere else before it in any system's message. */
function textOf(bytes: number): string {
  const words = `@${TIME_SLOT} shall we meet at eight, in front of the old station, rain or shine?`;
  return words.padEnd(bytes, ' words').slice(0, Math.max(bytes, TIME_SLOT.length + 1));
}

const EIO = '/socket.io/?EIO=4&transport=websocket';
const named = ({ id, room }: ClientSpec) =>
  `${EIO}&username=u${id}${room === undefined ? '' : `&roomid=${room}`}`;
const socketSay = (_room: string, bytes: number) =>
  `42${NUMBER_SLOT}["say",{"text":"${textOf(bytes)}","clientMsgId":"${NUMBER_SLOT}"}]`;

export const DIALECTS: Readonly<Record<Tongue, Dialect>> = {
  roomcast: {
    path: named,
    messageStart: () => '42["message",{"seq":',
    ackStart: '43',
    say: socketSay,
    hear(text, { room }) {
      if (text === '2') return { send: '3' };
      if (text.startsWith('0{')) return { send: '40' };
      if (text.startsWith('42["hello"')) return room === undefined ? { joinedAt: 0 } : undefined;
      if (text.startsWith('42["joined"')) return { joinedAt: JSON.parse(text.slice(2))[1].seq };
      if (text.startsWith('42["bye"')) return { bye: JSON.parse(text.slice(2))[1].code };
      return undefined;
    },
  },
  stock: {
    path: named,
    messageStart: (room) => `42["message",{"event":"broadcast_say","roomid":"${room}","clientMsgId":"`,
    ackStart: '43',
    say: socketSay,
    hear(text, { room }) {
      if (text === '2') return { send: '3' };
      if (text.startsWith('0{')) return { send: '40' };
      // By the handshake it is in the room already; the answer only tells when.
      if (text.startsWith('40')) return room === undefined ? { joinedAt: 0 } : { send: '421["join",{}]' };
      if (text.startsWith('431[')) return { joinedAt: NUMBERS_FROM };
      return undefined;
    },
  },
  ws: {
    path: ({ id, room }) => `/?username=u${id}${room === undefined ? '' : `&roomid=${room}`}`,
    messageStart: () => '{"number":',
    ackStart: '{"ack":',
    say: (_room, bytes) => `{"number":${NUMBER_SLOT},"text":"${textOf(bytes)}"}`,
    hear: (text) => (text === '{"joined":true}' ? { joinedAt: NUMBERS_FROM } : undefined),
  },
  nchan: {
    path: ({ role, room }) => `/${role === 'publisher' ? 'publish' : 'subscribe'}/${room}`,
    joinsByOpening: true,
    messageStart: () => '{"number":',
    say: (room, bytes) =>
      `{"number":${NUMBER_SLOT},"event":"broadcast_say","roomid":"${room}","data":{"text":"${textOf(bytes)}"}}`,
    hear: () => undefined,
  },
};
