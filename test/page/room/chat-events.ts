import type { Draft } from '../../../src/client/index.ts';
import { type ChatEvent, reduceChat } from '../../../src/page/room/chat-reducer.ts';
import { type ChatState, INITIAL_STATE } from '../../../src/page/room/chat-state.ts';
import type { Draft as OwnDraft } from '../../../src/page/room/drafts.ts';
import { createRowMaker, type Row } from '../../../src/page/room/rows.ts';
import type { Timeline } from '../../../src/page/room/timeline.ts';
import type { Hello } from '../../../src/protocol/events.ts';
import type { Person } from '../../../src/protocol/people.ts';
import type {
  ChatMessage,
  DeletedMessage,
  Joined,
  MessagePage,
  RoomEntry,
} from '../../../src/protocol/rooms.ts';

export const ME = { id: 'g-me', name: 'Mia' };

export function said(
  seq: number,
  more: Partial<ChatMessage> & { userId?: string; text?: string } = {},
): ChatMessage {
  const { userId = 'other', text = `text ${seq}`, ...rest } = more;
  return {
    event: 'broadcast_say',
    roomid: 'lobby',
    epoch: 'e1',
    seq,
    id: `m${seq}`,
    at: 1_000 + seq,
    data: { username: userId, userId, text, type: 0 },
    ...rest,
  };
}

export function sayings(from: number, to: number): ChatMessage[] {
  return Array.from({ length: to - from + 1 }, (_, index) => said(from + index));
}

export function deleted(seq: number, ref: number): DeletedMessage {
  return { event: 'deleted', roomid: 'lobby', epoch: 'e1', seq, id: `m${seq}`, at: 1_000 + seq, ref };
}

export function hello(more: Partial<Hello> = {}): Hello {
  return {
    clientId: 'c1',
    user: ME,
    auth: 'open',
    protocol: 1,
    worker: 0,
    time: 1_000,
    limits: { maxTextBytes: 100, maxRooms: 50, maxHistory: 200, dedupeTtlS: 600 },
    ...more,
  };
}

export function joined(messages: readonly RoomEntry[], more: Partial<Joined> = {}): Joined {
  const seq = messages.at(-1)?.seq ?? 0;
  return { roomid: 'lobby', epoch: 'e1', seq, users: 1, clients: 1, messages, more: false, ...more };
}

export function pageOf(messages: readonly RoomEntry[], more: Partial<MessagePage> = {}): MessagePage {
  return { epoch: 'e1', top: messages.at(-1)?.seq ?? 0, more: false, messages, ...more };
}

export const message = (heard: ChatMessage): ChatEvent => ({ type: 'message', message: heard });
export const lost: ChatEvent = {
  type: 'connection',
  connection: { phase: 'lost', reason: { code: 'lost', message: 'gone' } },
};

export function unsent(...drafts: (string | Partial<Draft>)[]): ChatEvent {
  const all = drafts.map((draft) => (typeof draft === 'string' ? { clientMsgId: draft } : draft));
  return {
    type: 'unsent',
    drafts: all.map(({ clientMsgId = 'c1', ...more }) => ({
      roomid: 'lobby',
      clientMsgId,
      text: clientMsgId,
      at: 5_000,
      ...more,
    })),
  };
}

/** The events of a join: its answer, and its messages one by one. */
export function joining(messages: readonly RoomEntry[], more: Partial<Joined> = {}): ChatEvent[] {
  const entries = messages.map((entry): ChatEvent => {
    if (entry.event === 'broadcast_say') return message(entry);
    return entry.event === 'deleted' ? { type: 'deleted', ref: entry.ref } : { type: 'changed', entry };
  });
  return [{ type: 'joined', joined: joined(messages, more) }, ...entries];
}

/** A page that said hello and is in the room with these messages. */
export function inRoom(messages: readonly RoomEntry[] = [], ...events: ChatEvent[]): ChatState {
  return reduced(INITIAL_STATE, { type: 'hello', hello: hello() }, ...joining(messages), ...events);
}

export function reduced(state: ChatState, ...events: ChatEvent[]): ChatState {
  return events.reduce(reduceChat, state);
}

export function rowsOf(
  timeline: Timeline,
  drafts: readonly OwnDraft[],
  me: Person,
  more = false,
): readonly Row[] {
  return createRowMaker()({ timeline, drafts, me, more });
}

/** The list as a reader sees it. */
export function shown(state: ChatState): string[] {
  return state.timeline.map((entry) =>
    entry.kind === 'said'
      ? entry.message.data.text
      : `(${[entry.notice, entry.username].filter(Boolean).join(' ')})`,
  );
}
