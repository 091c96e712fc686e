import type { WireError } from '../protocol/codes.ts';
import { MAX_MEMBERS } from '../protocol/limits.ts';
import type { PayloadInput } from '../protocol/payloads.ts';
import type {
  DeletedMessage,
  Joined,
  MessagePage,
  PresenceCount,
  PresenceDiff,
  PresenceMessage,
  RoomEntry,
  RoomGap,
  RoomMessage,
  Said,
  SaidMessage,
  Typing,
} from '../protocol/rooms.ts';
import { createBackoff, spreadMs } from './backoff.ts';
import { ClientError, errorOf } from './client-error.ts';
import { type Connection, outcomeOf } from './connection.ts';
import { createDeletions } from './deletions.ts';
import type { Draft, SayOptions } from './drafts.ts';
import { createEmitter } from './emitter.ts';
import { createMemberList, type Members } from './member-list.ts';
import { createOutbox, type OutboxDeps } from './outbox.ts';
import { createSequence } from './sequence.ts';
import { createTypists } from './typists.ts';

/*
 *   away ──link up──► joining ──answer──► joined ──hole──► joining (resumes before anything is handed on)
 *    ▲                   └──refused for now──► resting ──wait──► joining
 *    └──link lost (from anywhere)            any ──left, removed, refused for good──► ended
 */

export interface RoomEvents {
  /** In the room's order, each once. `history` came with the first join, `replay` was missed meanwhile. */
  message: [message: SaidMessage, how: { readonly source: 'live' | 'replay' | 'history' }];
  /** Somebody came or left; not told in rooms of more than 200 connections. */
  presence: [presence: PresenceMessage];
  /** Somebody began to type, or stopped: 6 s after it was last heard of at the latest. */
  typing: [typing: Typing];
  /**
   * A message was taken out of the room, `ref` is its `seq`; in its place among the messages, live or later. A page that
   * was read since has the message without its text, and `deleted`.
   */
  deleted: [deleted: DeletedMessage, how: { readonly source: 'live' | 'replay' | 'history' }];
  /**
   * Messages that cannot be had any more. With `reason: 'epoch'` the store lost part of the room: what was shown
   * as `from`…`to` is no longer in it.
   */
  gap: [gap: RoomGap];
  /** Each time the room is joined (again); the messages in it are handed on by `message`. */
  joined: [joined: Joined];
  /** As the promise of `say`; also for messages that a storage kept over a restart. */
  sent: [said: Said, draft: Draft];
  failed: [error: ClientError, draft: Draft];
  /** The room is over for this client: left (no error), removed or refused. */
  closed: [error: ClientError | undefined];
}

export type HistoryQuery = Pick<PayloadInput<'room:history'>, 'before' | 'after' | 'limit'>;

/** A room this client is in, over all reconnects. */
export interface Room {
  readonly roomid: string;
  /** The latest answer to a join. */
  readonly joined: Joined;
  /**
   * Answers how to stop listening. What happens before the first listener of `message`, `presence`, `deleted`,
   * `gap` or `joined` is kept for it, at most 1,000 events.
   */
  on<E extends keyof RoomEvents>(event: E, listener: (...args: RoomEvents[E]) => void): () => void;
  /** Resolves once stored, after however many reconnects; the order of one room's messages is kept. */
  say(text: string, options?: SayOptions): Promise<Said>;
  history(query?: HistoryQuery): Promise<MessagePage>;
  /**
   * Who is here, now and whenever it changes, about once a second at most; in a room of more than 200 connections how
   * many. Answers how to stop. As long as nobody follows it costs nothing.
   */
  members(listener: (members: Members) => void): () => void;
  /** To be called with every key that is typed, and with false when the text was sent or given up. */
  typing(on: boolean): void;
  /** What is not sent yet fails as `closed`. */
  leave(): Promise<void>;
}

export interface RoomDeps
  extends Pick<OutboxDeps<Draft, Said>, 'check' | 'dedupeMs' | 'onChange' | 'now' | 'random'> {
  readonly roomid: string;
  readonly history: number | undefined;
  readonly connection: Pick<Connection, 'ask' | 'state'>;
  readonly draft: (roomid: string, text: string, options: SayOptions) => Draft | ClientError;
  readonly onThrow: (error: unknown) => void;
  readonly onEnded: () => void;
}

/** The room as the client drives it. */
export interface RoomDriver {
  /** Resolves with the first join; rejects when that is refused. */
  readonly ready: Promise<Room>;
  restore(drafts: readonly Draft[]): void;
  drafts(): readonly Draft[];
  /** The link is up. */
  up(): void;
  down(): void;
  hear(message: RoomMessage): void;
  gap(gap: RoomGap): void;
  typing(typing: Typing): void;
  presence(change: PresenceDiff | PresenceCount): void;
  /** The server does not want us for now: nothing of this room waits any longer, but it stays to be joined. */
  stop(error: ClientError): void;
  end(error: ClientError | undefined): void;
}

/** Acked long ago, they are not replayed any more. */
const MAX_SILENT = 1_000;
/** What arrives while joining is kept up to here; beyond it a hole shows and is filled. */
const MAX_EARLY = 1_000;

export function createRoom(deps: RoomDeps): RoomDriver {
  const { roomid, connection, random } = deps;
  const sequence = createSequence();
  const deletions = createDeletions();
  const backoff = createBackoff({ minMs: 500, maxMs: 10_000, random });
  const events = createEmitter<RoomEvents>({
    onThrow: deps.onThrow,
    held: ['message', 'presence', 'deleted', 'gap', 'joined'],
  });
  let phase: 'away' | 'joining' | 'joined' | 'resting' | 'ended' = 'away';
  let latest: Joined | undefined;
  let early: RoomEntry[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  /** Entries for which the room was asked already: asking again would not end. */
  const askedFor = new WeakSet<RoomEntry>();
  /** Own messages that the application asked not to be told of. */
  const silent = new Set<string>();
  /** Until the first join is answered. */
  let settle: { resolve: (room: Room) => void; reject: (error: ClientError) => void } | undefined;
  const ready = new Promise<Room>((resolve, reject) => {
    settle = { resolve, reject };
  });

  const typists = createTypists({
    send: (on) => connection.ask('typing', { roomid, on }, () => undefined),
    onChange: (typing) => events.emit('typing', typing),
    now: deps.now,
  });
  const followers = createEmitter<{ members: [members: Members] }>({ onThrow: deps.onThrow, held: [] });
  const memberList = createMemberList({
    ask(cursor, answered) {
      const query = { roomid, limit: MAX_MEMBERS, ...(cursor === undefined ? {} : { cursor }) };
      if (phase !== 'joined') answered(undefined);
      else connection.ask('room:members', query, (answer) => answered(answer?.ok ? answer : undefined));
    },
    onChange: (members) => followers.emit('members', members),
  });
  const outboxDeps: OutboxDeps<Draft, Said> = {
    ...deps,
    send({ roomid: _, firstSentAt: __, by: ___, ...said }, answered) {
      connection.ask('say', { roomid, ...said }, (answer) => answered(answer && outcomeOf(answer)));
    },
    rejoin() {
      if (phase === 'joined') join();
    },
    onStored(said, draft) {
      if (draft.echo === false) sequence.own(said);
      events.emit('sent', said, draft);
    },
    onFailed(error, draft) {
      silent.delete(draft.clientMsgId);
      events.emit('failed', error, draft);
    },
  };
  let outbox = createOutbox(outboxDeps);

  function join(): void {
    clearTimeout(timer);
    phase = 'joining';
    early = [];
    const resume = sequence.position();
    const { history } = deps;
    const payload = {
      roomid,
      ...(history === undefined ? {} : { history }),
      ...(resume === undefined ? {} : { resume: { ...resume } }),
    };
    connection.ask('join', payload, (answer) => {
      if (phase !== 'joining' || !answer) return;
      if (!answer.ok) {
        refused(answer.error);
        return;
      }
      const { ok: _, ...joined } = answer;
      enter(joined);
    });
  }

  function refused(error: WireError): void {
    if (settle || !error.temporary) {
      end(errorOf(error));
      return;
    }
    phase = 'resting';
    outbox.shut();
    const { retryAfterMs } = error;
    timer = setTimeout(join, retryAfterMs === undefined ? backoff.nextMs() : spreadMs(retryAfterMs, random));
  }

  function enter(joined: Joined): void {
    const source = latest ? 'replay' : 'history';
    const { gap, fresh } = sequence.admit(joined);
    const arrived = early;
    early = [];
    phase = 'joined';
    latest = joined;
    backoff.reset();
    events.emit('joined', joined);
    if (gap) events.emit('gap', gap);
    for (const message of fresh) hand(message, source);
    for (const message of arrived) hear(message);
    settle?.resolve(room);
    settle = undefined;
    memberList.refresh();
    // A listener may have ended it, or a message that arrived early may have shown a hole.
    if (phase === 'joined') outbox.open();
  }

  function hand(message: RoomEntry, source: 'live' | 'replay' | 'history'): void {
    if (phase === 'ended') return;
    if (message.event === 'deleted') {
      deletions.note(message);
      events.emit('deleted', message, { source });
      return;
    }
    if (message.clientMsgId !== undefined && silent.delete(message.clientMsgId)) return;
    events.emit('message', message, { source });
  }

  function hear(message: RoomMessage): void {
    if (message.event !== 'broadcast_say' && message.event !== 'deleted') {
      if (phase === 'joined') events.emit('presence', message);
    } else if (phase === 'joining') {
      if (early.length < MAX_EARLY) early.push(message);
    } else if (phase === 'joined') {
      const place = sequence.offer(message);
      if (place === 'next') hand(message, 'live');
      else if (place === 'hole' && !askedFor.has(message)) mend(message);
    }
  }

  /** Nothing is lost on a link that is up, so this is a fault somewhere; the log is asked before going on. */
  function mend(message: RoomEntry): void {
    askedFor.add(message);
    outbox.shut();
    join();
    early.push(message);
  }

  function add(draft: Draft): Promise<Said> {
    if (draft.echo === false) silent.add(draft.clientMsgId);
    const [oldest] = silent;
    if (silent.size > MAX_SILENT && oldest !== undefined) silent.delete(oldest);
    return outbox.add(draft);
  }

  function forget(error: ClientError): void {
    outbox.end(error);
    settle?.reject(error);
    settle = undefined;
  }

  function end(error: ClientError | undefined): void {
    if (phase === 'ended') return;
    phase = 'ended';
    clearTimeout(timer);
    typists.end();
    deps.onEnded();
    forget(error ?? new ClientError('closed', `${roomid} was left`));
    events.emit('closed', error);
  }

  const room: Room = {
    roomid,
    get joined() {
      // Nobody holds a room that was never joined.
      return latest as Joined;
    },
    on: events.on,
    say(text, options = {}) {
      const draft = deps.draft(roomid, text, options);
      if (draft instanceof ClientError) return Promise.reject(draft);
      if (phase === 'ended') return Promise.reject(new ClientError('closed', `not in ${roomid} any more`));
      return add(draft);
    },
    history(query = {}) {
      return new Promise((resolve, reject) => {
        connection.ask('room:history', { roomid, ...query }, (answer) => {
          if (!answer) reject(new ClientError('unavailable', 'not connected', true));
          else if (!answer.ok) reject(errorOf(answer.error));
          else {
            const { epoch, top, more, messages } = answer;
            resolve(deletions.apply({ epoch, top, more, messages }));
          }
        });
      });
    },
    members(listener) {
      const off = followers.on('members', listener);
      const end = memberList.follow();
      return () => {
        off();
        end();
      };
    },
    typing(on) {
      if (phase === 'joined') typists.say(on);
    },
    leave() {
      if (phase === 'ended') return Promise.resolve();
      const member = phase === 'joined' || phase === 'joining';
      end(undefined);
      if (!member) return Promise.resolve();
      // Without an answer the link is gone, and the membership with it.
      return new Promise((resolve) => connection.ask('leave', { roomid }, () => resolve()));
    },
  };

  return {
    ready,
    restore(drafts) {
      for (const draft of drafts) void add(draft);
    },
    drafts: () => outbox.drafts(),
    up() {
      if (phase === 'away') join();
    },
    down() {
      if (phase === 'ended') return;
      phase = 'away';
      clearTimeout(timer);
      outbox.shut();
    },
    hear,
    typing(typing) {
      if (phase !== 'ended') typists.hear(typing);
    },
    presence(change) {
      if (phase === 'joined') memberList.hear(change);
    },
    gap(gap) {
      // While joining the answer says it, measured by what we have.
      if (phase !== 'joined') return;
      sequence.yield(gap);
      events.emit('gap', gap);
    },
    stop(error) {
      if (phase === 'ended') return;
      if (settle) {
        end(error);
        return;
      }
      outbox.end(error);
      outbox = createOutbox(outboxDeps);
    },
    end,
  };
}
