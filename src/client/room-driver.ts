import type {
  Joined,
  Muted,
  PresenceCount,
  PresenceDiff,
  Removed,
  RoomGap,
  RoomMessage,
  Typing,
} from '../protocol/rooms.ts';
import { ClientError, errorOf } from './client-error.ts';
import { draftMessage } from './drafts.ts';
import { createEmitter, type Emitter } from './emitter.ts';
import { createMembership, type Membership, type MembershipDeps } from './membership.ts';
import type { PersistentRoom, Room, RoomEvents } from './room.ts';
import { createRoomFeed, type RoomFeed } from './room-feed.ts';
import { createRoomMembers, type RoomMembers } from './room-members.ts';
import { createRoomOutbox, type RoomOutbox, type RoomOutboxDeps } from './room-outbox.ts';
import type { Position } from './sequence.ts';
import { createTypists, type Typists } from './typists.ts';

export interface RoomDeps
  extends Pick<MembershipDeps, 'roomid' | 'history' | 'connection' | 'answerTimeoutMs' | 'random'>,
    Pick<RoomOutboxDeps, 'check' | 'crowded' | 'userId' | 'dedupeMs' | 'onChange' | 'now'> {
  /** Wall clock in ms. */
  readonly wallMs: () => number;
  readonly onThrow: (error: unknown) => void;
  /** The application left the room. */
  readonly onLeft: () => void;
  readonly onEnded: () => void;
  /** Whether the room was opened again after this one ended. */
  readonly isReopened: () => boolean;
}

/** The room as the client drives it. */
export interface RoomDriver
  extends Pick<Membership, 'up' | 'down' | 'entered' | 'notEntered' | 'rejoin'>,
    Pick<RoomOutbox, 'restore' | 'claim' | 'drafts' | 'waiting'> {
  /** Resolves once the room was joined; rejects with the next refusal, or the last one while the room stays outside. */
  join(): Promise<Room>;
  /** From now on a refusal does not end the room, and failed messages stay. */
  persist(): PersistentRoom;
  /** Whether the connection itself may join it, and where that resumes; undefined: it may not. */
  entrance(): { readonly roomid: string; readonly resume: Position | undefined } | undefined;
  receive(message: RoomMessage): void;
  gap(gap: RoomGap): void;
  typing(typing: Typing): void;
  presence(change: PresenceDiff | PresenceCount): void;
  muted(muted: Muted): void;
  removed(removed: Removed): void;
  /** The server does not want this client in the room. */
  expel(error: ClientError): void;
  /** The server turned this client away: what waits in a room of `join` fails. */
  stop(error: ClientError): void;
  end(error: ClientError | undefined): void;
}

const REMOVED: Record<Removed['code'], string> = {
  kicked: 'you were removed from this room',
  banned: 'you are banned from this room',
};

/** The oldest events beyond it are dropped, since nobody may ever listen. */
const MAX_BUFFERED = 1_000;

export function createRoom(deps: RoomDeps): RoomDriver {
  const { roomid, connection } = deps;
  const events = createEmitter<RoomEvents>({
    onThrow: deps.onThrow,
    buffered: {
      message: MAX_BUFFERED,
      presence: MAX_BUFFERED,
      deleted: MAX_BUFFERED,
      gap: MAX_BUFFERED,
      joined: 1,
    },
  });
  let latest: Joined | undefined;
  let persistent = false;
  let left = false;
  let refusal: ClientError | undefined;
  /** Callers of `join` that wait for the first join. */
  const joins: { resolve: (room: Room) => void; reject: (error: ClientError) => void }[] = [];

  const outbox = createRoomOutbox({
    ...deps,
    keepsFailed: () => persistent,
    rejoin() {
      if (membership.phase === 'joined') membership.join();
    },
    onStored(said, draft) {
      if (draft.echo === false) feed.acked(said);
      events.emit('sent', said, draft);
    },
    onFailed: (error, draft) => events.emit('failed', error, draft),
    onChange() {
      // The storage must not change for a room that was left: another client may use it by now.
      if (isOver()) return;
      deps.onChange();
      if (persistent) events.emit('unsent', outbox.drafts());
    },
  });
  const feed = createRoomFeed({
    emit: events.emit,
    accepts: outbox.accepts,
    isOver,
    onHole() {
      outbox.shut();
      membership.join();
    },
  });
  const membership = createMembership({
    ...deps,
    position: feed.position,
    persists: ({ temporary }) => persistent || (temporary && latest !== undefined),
    onJoining: feed.pause,
    onJoined: enter,
    onAway: outbox.shut,
    onRefused(error, retryInMs) {
      refusal = error;
      rejectJoins(error);
      events.emit('refused', error, retryInMs);
    },
    onStray() {
      // `leave` asked for it already; and whoever opened the room again wants to be in it.
      if (isOver() && (left || deps.isReopened())) return;
      connection.ask('leave', { roomid }, () => undefined);
    },
    onOver: end,
  });
  const typists = createTypists({
    send: (on) => connection.ask('typing', { roomid, on }, () => undefined),
    onChange: (typing) => events.emit('typing', typing),
    now: deps.now,
  });
  const members = createRoomMembers(deps, () => membership.phase === 'joined');

  function isOver(): boolean {
    return membership.phase === 'ended';
  }

  function enter(joined: Joined): void {
    const source = latest ? 'replay' : 'history';
    latest = joined;
    events.emit('joined', joined);
    feed.resume(joined, source);
    for (const { resolve } of joins.splice(0)) resolve(room as Room);
    members.refresh();
    // A listener may have ended it, or a message that arrived early may have shown a hole.
    if (membership.phase === 'joined') outbox.open();
  }

  function rejectJoins(error: ClientError): void {
    for (const { reject } of joins.splice(0)) reject(error);
  }

  function join(): Promise<Room> {
    if (membership.phase === 'outside' && refusal) return Promise.reject(refusal);
    if (latest) return Promise.resolve(room as Room);
    return new Promise((resolve, reject) => joins.push({ resolve, reject }));
  }

  function expel(error: ClientError): void {
    if (persistent) membership.expel(error);
    else end(error);
  }

  function end(error: ClientError | undefined): void {
    if (isOver()) return;
    membership.end();
    typists.end();
    deps.onEnded();
    const reason = error ?? new ClientError('closed', `${roomid} was left`);
    outbox.end(reason);
    deps.onChange();
    rejectJoins(reason);
    members.end();
    events.emit('closed', error);
  }

  function leave(): Promise<void> {
    const isMember = membership.phase === 'joined' || membership.phase === 'joining';
    if (!isOver()) {
      left = true;
      deps.onLeft();
    }
    end(undefined);
    if (!isMember) return Promise.resolve();
    // Without an answer the connection is lost, and with it the membership.
    return new Promise((resolve) => connection.ask('leave', { roomid }, () => resolve()));
  }

  const room = createFacade(deps, {
    events,
    outbox,
    feed,
    members,
    typists,
    phase: () => membership.phase,
    latest: () => latest,
    leave,
  });

  return {
    join,
    up: membership.up,
    down: membership.down,
    entered: membership.entered,
    notEntered: membership.notEntered,
    rejoin: membership.rejoin,
    persist() {
      persistent = true;
      return room;
    },
    entrance: () =>
      membership.phase === 'away' && deps.history === undefined
        ? { roomid, resume: feed.position() }
        : undefined,
    restore: outbox.restore,
    claim: outbox.claim,
    drafts: outbox.drafts,
    waiting: outbox.waiting,
    ...createListeners({ events, feed, members, typists, phase: () => membership.phase }),
    removed(removed) {
      events.emit('removed', removed);
      expel(new ClientError('forbidden', REMOVED[removed.code]));
    },
    expel,
    stop(error) {
      if (isOver() || persistent) return;
      if (!latest) end(error);
      else outbox.stop(error);
    },
    end,
  };
}

interface Parts {
  readonly events: Emitter<RoomEvents>;
  readonly outbox: RoomOutbox;
  readonly feed: RoomFeed;
  readonly members: RoomMembers;
  readonly typists: Typists;
  readonly phase: () => Membership['phase'];
  readonly latest: () => Joined | undefined;
  readonly leave: () => Promise<void>;
}

/** What the application sees of the room. */
function createFacade({ roomid, connection, userId, wallMs }: RoomDeps, parts: Parts): PersistentRoom {
  const { events, outbox, feed, phase } = parts;
  return {
    roomid,
    get joined() {
      return parts.latest();
    },
    get unsent() {
      return outbox.drafts();
    },
    on: events.on,
    say(text, options = {}) {
      const draft = draftMessage(roomid, text, options, { by: userId(), at: wallMs() });
      if (draft instanceof ClientError) return Promise.reject(draft);
      if (phase() === 'ended') return Promise.reject(new ClientError('closed', `not in ${roomid} any more`));
      return outbox.say(draft);
    },
    retry: outbox.retry,
    discard: outbox.discard,
    history(query = {}) {
      return new Promise((resolve, reject) => {
        connection.ask('room:history', { roomid, ...query }, (answer) => {
          if (!answer) reject(new ClientError('unavailable', 'not connected', true));
          else if (!answer.ok) reject(errorOf(answer.error));
          else {
            const { epoch, top, more, messages } = answer;
            resolve(feed.current({ epoch, top, more, messages }));
          }
        });
      });
    },
    members: parts.members.follow,
    typing(on) {
      if (phase() === 'joined') parts.typists.report(on);
    },
    leave: parts.leave,
  };
}

/** What the server tells of the room. */
function createListeners({
  events,
  feed,
  members,
  typists,
  phase,
}: Pick<Parts, 'events' | 'feed' | 'members' | 'typists' | 'phase'>): Pick<
  RoomDriver,
  'receive' | 'gap' | 'typing' | 'presence' | 'muted'
> {
  return {
    receive(message) {
      const isEntry = message.event === 'broadcast_say' || message.event === 'deleted';
      if (isEntry && (phase() === 'joined' || phase() === 'joining')) feed.offer(message);
      else if (!isEntry && phase() === 'joined') events.emit('presence', message);
    },
    gap(gap) {
      // While joining, the answer will show the gap.
      if (phase() === 'joined') feed.gap(gap);
    },
    typing(typing) {
      if (phase() !== 'ended') typists.receive(typing);
    },
    presence(change) {
      if (phase() !== 'joined') return;
      members.apply(change);
      if ('clients' in change) events.emit('count', { users: change.users, clients: change.clients });
    },
    muted: (muted) => events.emit('muted', muted),
  };
}
