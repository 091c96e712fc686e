import type { StateChange } from '../../src/client/connection.ts';
import {
  type ChatClient,
  type ClientOptions,
  createClient,
  type Joined,
  type ReceivedMessage,
  type Room,
  type RoomGap,
} from '../../src/client/index.ts';

/** Short waits, without randomness. */
export const QUICK: ClientOptions = { retryMinMs: 5, retryMaxMs: 40, random: () => 0.5, userId: 'ada' };

export interface Chatter {
  readonly chat: ChatClient;
  readonly states: StateChange[];
  readonly errors: unknown[];
}

export function openChatter(url: string, options: ClientOptions = {}): Chatter {
  const chat = createClient(url, { ...QUICK, ...options });
  const states: StateChange[] = [];
  const errors: unknown[] = [];
  chat.on('state', (change) => states.push(change));
  chat.on('error', (error) => errors.push(error));
  return { chat, states, errors };
}

/** Everything that the listeners of a room received. */
export interface Heard {
  readonly messages: ReceivedMessage[];
  /** `source text`, in the order of arrival. */
  readonly lines: string[];
  readonly gaps: RoomGap[];
  readonly joins: Joined[];
  /** The error code of each `closed`. */
  readonly closed: (string | undefined)[];
}

export function listen(room: Pick<Room, 'on'>): Heard {
  const heard: Heard = { messages: [], lines: [], gaps: [], joins: [], closed: [] };
  room.on('message', (message, { source }) => {
    heard.messages.push(message);
    heard.lines.push(`${source} ${message.data.text}`);
  });
  room.on('deleted', ({ ref }, { source }) => heard.lines.push(`${source} -${ref}`));
  room.on('gap', (gap) => {
    heard.gaps.push(gap);
    heard.lines.push(`gap ${gap.from}-${gap.to} ${gap.reason}`);
  });
  room.on('joined', (joined) => heard.joins.push(joined));
  room.on('closed', (error) => heard.closed.push(error?.code));
  return heard;
}

export function textsOf({ messages }: Heard): string[] {
  return messages.map(({ data }) => data.text);
}
