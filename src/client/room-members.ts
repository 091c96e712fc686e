import { MAX_MEMBERS } from '../protocol/limits.ts';
import { createBackoff, retryWaitMs } from './backoff.ts';
import type { Connection } from './connection.ts';
import { createEmitter } from './emitter.ts';
import { createMemberList, type MemberList, type Members } from './member-list.ts';

export interface RoomMembersDeps {
  readonly roomid: string;
  readonly connection: Pick<Connection, 'ask'>;
  readonly onThrow: (error: unknown) => void;
  readonly random: () => number;
}

/** The member list of one room for any number of listeners. */
export interface RoomMembers extends Pick<MemberList, 'apply' | 'refresh' | 'end'> {
  /** Calls back now and on each change. Returns a function that stops it. */
  follow(listener: (members: Members) => void): () => void;
}

export function createRoomMembers(
  { roomid, connection, onThrow, random }: RoomMembersDeps,
  isJoined: () => boolean,
): RoomMembers {
  const followers = createEmitter<{ members: [members: Members] }>({ onThrow });
  const backoff = createBackoff({ random });
  const list = createMemberList({
    ask(cursor, answered) {
      const query = { roomid, limit: MAX_MEMBERS, cursor };
      if (!isJoined()) {
        answered(undefined);
        return;
      }
      connection.ask('room:members', query, (answer) => {
        if (answer?.ok) {
          backoff.reset();
          answered(answer);
        } else if (answer?.error.temporary) {
          answered(undefined, retryWaitMs(answer.error.retryAfterMs, backoff, random));
          // Without an answer the connection is lost, and the next join fetches the list; after a move no join follows.
        } else answered(undefined, !answer && isJoined() ? backoff.nextMs() : undefined);
      });
    },
    onChange: (members) => followers.emit('members', members),
  });
  return {
    apply: list.apply,
    refresh: list.refresh,
    end: list.end,
    follow(listener) {
      const off = followers.on('members', listener);
      const unfollow = list.follow();
      return () => {
        off();
        unfollow();
      };
    },
  };
}
