import type { Right } from '../protocol/rights.ts';
import type { Joined, Removed } from '../protocol/rooms.ts';
import type { CallOptions } from './call-options.ts';
import { ClientError } from './client-error.ts';
import { createEmitter } from './emitter.ts';
import { createFirstJoin } from './first-join.ts';
import { createMembership, type Membership, type MembershipDeps } from './membership.ts';
import { type JoinedRoom, withOwnMarked } from './own-messages.ts';
import type { PersistentRoom, Room, RoomEvents } from './room.ts';
import { createRoomDeparture, type RoomDeparture, type RoomDepartureDeps } from './room-departure.ts';
import { createRoomFacade, type RoomFacadeDeps } from './room-facade.ts';
import { createRoomFeed } from './room-feed.ts';
import { createRoomListeners, type RoomListeners } from './room-listeners.ts';
import { createRoomMembers } from './room-members.ts';
import type { RoomOutbox, RoomOutboxDeps } from './room-outbox.ts';
import { createRoomQueues } from './room-queues.ts';
import { createRoomReads } from './room-reads.ts';
import { createTypists } from './typists.ts';

export interface RoomDeps
  extends Pick<MembershipDeps, 'roomid' | 'history' | 'connection' | 'answerTimeoutMs' | 'random'>,
    Pick<RoomFacadeDeps, 'checkContent'>,
    Pick<RoomOutboxDeps, 'check' | 'crowded' | 'userId' | 'dedupeMs' | 'onChange' | 'now'>,
    Pick<RoomDepartureDeps, 'wallMs' | 'onLeft' | 'isReopened'> {
  readonly onThrow: (error: unknown) => void;
  readonly onEnded: () => void;
}

/** The room as the client drives it. */
export interface RoomDriver
  extends Pick<
      Membership,
      | 'status'
      | 'up'
      | 'moved'
      | 'handshakeJoin'
      | 'moveJoin'
      | 'down'
      | 'handshakeJoined'
      | 'handshakeRefused'
      | 'rejoin'
    >,
    RoomListeners,
    Pick<RoomDeparture, 'expel' | 'stop'>,
    Pick<RoomOutbox, 'restore' | 'assignAuthor' | 'drafts' | 'waiting'> {
  /**
   * Resolves once the room was joined; rejects with the next refusal, or the last one while the room stays outside. The room
   * ends if its last caller gives up before.
   */
  join(options: CallOptions): Promise<Room>;
  /** From now on a refusal does not end the room, and failed messages stay. */
  persist(): PersistentRoom;
  rights(can: readonly Right[]): void;
  removed(removed: Removed): void;
  end(error: ClientError | undefined): void;
}

/** The oldest events beyond these numbers are dropped, since nobody may ever listen. */
const BUFFERED = {
  message: 1_000,
  presence: 1_000,
  edited: 1_000,
  deleted: 1_000,
  reacted: 1_000,
  gap: 1_000,
  joined: 1,
};

export function createRoom(deps: RoomDeps): RoomDriver {
  const { roomid, connection } = deps;
  const events = createEmitter<RoomEvents>({ onThrow: deps.onThrow, buffered: BUFFERED });
  let latest: JoinedRoom | undefined;
  let can: readonly Right[] | undefined;
  let persistent = false;
  const firstJoin = createFirstJoin((error) => {
    if (!persistent && !latest) end(error);
  });

  const rejoin = () => {
    if (membership.phase === 'joined') membership.join();
  };
  const queues = createRoomQueues({
    ...deps,
    emit: events.emit,
    keepsFailed: () => persistent,
    rejoin,
    isOver,
    acked: (said) => feed.acked(said),
    epoch: () => feed.position()?.epoch,
  });
  const { outbox } = queues;
  const feed = createRoomFeed({
    emit: events.emit,
    accepts: outbox.accepts,
    isOver,
    onHole() {
      queues.shut();
      membership.join();
    },
  });
  const membership = createMembership({
    ...deps,
    position: feed.position,
    persists: ({ temporary }) => persistent || (temporary && latest !== undefined),
    onJoining: feed.pause,
    onJoined,
    onAway: queues.shut,
    onRefused(error, retryInMs) {
      firstJoin.refused(error);
      events.emit('refused', error, retryInMs);
    },
    onStray: () => departure.undoJoin(),
    onOver: end,
  });
  const departure = createRoomDeparture({
    ...deps,
    membership,
    isPersistent: () => persistent,
    wasJoined: () => latest !== undefined,
    stopQueues: queues.stop,
    end,
  });
  const typists = createTypists({
    send: (on) => connection.ask('typing', { roomid, on }, () => undefined),
    onChange: (typing) => events.emit('typing', typing),
    now: deps.now,
  });
  const reads = createRoomReads();
  const members = createRoomMembers(deps, () => membership.phase === 'joined');

  function isOver(): boolean {
    return membership.phase === 'ended';
  }

  function onJoined(answer: Joined, byMove: boolean): void {
    const joined = withOwnMarked(answer, deps.userId());
    const source = latest ? 'replay' : 'history';
    latest = joined;
    can = joined.can;
    reads.inEpoch(joined.epoch);
    events.emit('joined', joined);
    if (byMove) feed.moved(joined);
    else feed.resume(joined, source);
    firstJoin.joined(room as Room);
    // After a move the list goes on by its `rev`.
    if (!byMove) members.refresh();
    // A listener may have ended it, or a message that arrived early may have shown a hole.
    if (membership.phase !== 'joined') return;
    queues.open();
  }

  function end(error: ClientError | undefined): void {
    if (isOver()) return;
    membership.end();
    typists.end();
    deps.onEnded();
    const reason = error ?? new ClientError('closed', `${roomid} was left`);
    queues.end(reason);
    deps.onChange();
    firstJoin.rejectAll(reason);
    members.end();
    events.emit('closed', error);
  }

  const phase = () => membership.phase;
  const parts = { events, feed, members, typists, reads, phase };
  const { leave } = departure;
  const room = createRoomFacade(deps, { ...parts, ...queues, latest: () => latest, can: () => can, leave });

  return {
    join: (options) => firstJoin.wait(membership.phase === 'outside', options),
    status: membership.status,
    up: membership.up,
    moved: membership.moved,
    handshakeJoin: membership.handshakeJoin,
    moveJoin: membership.moveJoin,
    down: membership.down,
    handshakeJoined: membership.handshakeJoined,
    handshakeRefused: membership.handshakeRefused,
    rejoin: membership.rejoin,
    persist() {
      persistent = true;
      return room;
    },
    restore: outbox.restore,
    assignAuthor: outbox.assignAuthor,
    drafts: outbox.drafts,
    waiting: outbox.waiting,
    ...createRoomListeners({ ...parts, userId: deps.userId }),
    rights(given) {
      can = given;
      events.emit('rights', given);
    },
    removed(removed) {
      events.emit('removed', removed);
      departure.removed(removed);
    },
    expel: departure.expel,
    stop: departure.stop,
    end,
  };
}
