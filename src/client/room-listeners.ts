import type {
  Muted,
  PresenceCount,
  PresenceDiff,
  Reads,
  RoomGap,
  RoomMessage,
  Signal,
  Typing,
} from '../protocol/rooms.ts';
import { markOwn } from './own-messages.ts';
import type { RoomParts } from './room-facade.ts';

/** Takes the server's events about one room. */
export interface RoomListeners {
  receive(message: RoomMessage): void;
  gap(gap: RoomGap): void;
  typing(typing: Typing): void;
  signal(signal: Signal): void;
  reads(reads: Reads): void;
  presence(change: PresenceDiff | PresenceCount): void;
  muted(muted: Muted): void;
}

export interface RoomListenersDeps
  extends Pick<RoomParts, 'events' | 'feed' | 'members' | 'typists' | 'reads' | 'phase'> {
  /** The current user's id. */
  readonly userId: () => string | undefined;
}

export function createRoomListeners({
  events,
  feed,
  members,
  typists,
  reads,
  phase,
  userId,
}: RoomListenersDeps): RoomListeners {
  return {
    receive(message) {
      if (message.event === 'broadcast_say' || message.event === 'broadcast_quit') {
        typists.stopped(message.data.userId);
      }
      if (!('seq' in message)) {
        if (phase() === 'joined') events.emit('presence', message);
      } else if (phase() === 'joined' || phase() === 'joining') feed.offer(markOwn(message, userId()));
    },
    gap(gap) {
      // While joining, the answer will show the gap.
      if (phase() !== 'joined') return;
      reads.inEpoch(gap.epoch);
      feed.gap(gap);
    },
    typing(typing) {
      if (phase() !== 'ended') typists.receive(typing);
    },
    signal(signal) {
      if (phase() === 'joined') events.emit('signal', signal);
    },
    reads(said) {
      if (phase() !== 'joined') return;
      reads.receive(said);
      events.emit('reads', said);
    },
    presence(change) {
      if (phase() !== 'joined') return;
      members.apply(change);
      if ('clients' in change) events.emit('count', { users: change.users, clients: change.clients });
    },
    muted: (muted) => events.emit('muted', muted),
  };
}
