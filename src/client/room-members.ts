import { MAX_MEMBERS } from '../protocol/limits.ts';
import type { Connection } from './connection.ts';
import { createEmitter } from './emitter.ts';
import { createMemberList, type MemberList, type Members } from './member-list.ts';

export interface RoomMembersDeps {
  readonly roomid: string;
  readonly connection: Pick<Connection, 'ask'>;
  readonly onThrow: (error: unknown) => void;
}

/** The member list of one room for any number of listeners. */
export interface RoomMembers extends Pick<MemberList, 'apply' | 'refresh'> {
  /** Calls back now and on each change. Returns a function that stops it. */
  follow(listener: (members: Members) => void): () => void;
}

export function createRoomMembers(
  { roomid, connection, onThrow }: RoomMembersDeps,
  isJoined: () => boolean,
): RoomMembers {
  const followers = createEmitter<{ members: [members: Members] }>({ onThrow });
  const list = createMemberList({
    ask(cursor, answered) {
      const query = { roomid, limit: MAX_MEMBERS, cursor };
      if (!isJoined()) answered(undefined);
      else connection.ask('room:members', query, (answer) => answered(answer?.ok ? answer : undefined));
    },
    onChange: (members) => followers.emit('members', members),
  });
  return {
    apply: list.apply,
    refresh: list.refresh,
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
