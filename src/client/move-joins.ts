import type { WireError } from '../protocol/codes.ts';
import type { PayloadInput } from '../protocol/payloads.ts';
import type { Joined } from '../protocol/rooms.ts';
import type { Attempt } from './attempt.ts';
import type { ServerEvent } from './overlap.ts';

export type RoomJoin = PayloadInput<'join'> & { readonly roomid: string };

export interface MoveJoinsDeps {
  /** The rooms that this client is in. */
  readonly roomJoins: () => readonly RoomJoin[];
  /** A room is joined, or refused this client for good. */
  readonly onAnswered: () => void;
  readonly onRefusedForNow: (retryAfterMs: number | undefined) => void;
}

/** Joins the client's rooms over the second connection of a move. */
export interface MoveJoins {
  /** The answers of the rooms that are joined there. */
  readonly joined: ReadonlyMap<string, Joined>;
  /** The handshake asks for this room. */
  askedByHandshake(roomid: string): void;
  /** Returns whether the event answers the handshake's join. */
  takes(event: ServerEvent): boolean;
  /** Asks for the rooms that were not asked for yet. Returns whether every room has answered. */
  ask(attempt: Pick<Attempt, 'ask'>): boolean;
  /** Ignores the answers that are still on the way. */
  end(): void;
}

interface Refused {
  readonly event: string;
  readonly error: WireError;
}

export function createMoveJoins({ roomJoins, onAnswered, onRefusedForNow }: MoveJoinsDeps): MoveJoins {
  const asked = new Set<string>();
  const joined = new Map<string, Joined>();
  /** Rooms that refused this client for good. It hears them on the old connection until it has arrived, and then joins again. */
  const refusing = new Set<string>();
  let handshakeRoom: string | undefined;
  let ended = false;

  function admitted(roomid: string, page: Joined): void {
    joined.set(roomid, page);
    onAnswered();
  }

  function refused(roomid: string | undefined, error: WireError): void {
    if (error.temporary || roomid === undefined) {
      onRefusedForNow(error.retryAfterMs);
      return;
    }
    refusing.add(roomid);
    onAnswered();
  }

  return {
    joined,
    askedByHandshake(roomid) {
      handshakeRoom = roomid;
      asked.add(roomid);
    },
    takes([name, [said]]) {
      const { roomid, event, error } = (said ?? {}) as Partial<Refused & { roomid: string }>;
      if (name === 'refused' && event === 'join' && error) refused(handshakeRoom, error);
      else if (name === 'joined' && roomid !== undefined && roomid === handshakeRoom) {
        admitted(roomid, said as Joined);
      } else return false;
      return true;
    },
    ask(attempt) {
      for (const room of roomJoins()) {
        if (asked.has(room.roomid)) continue;
        asked.add(room.roomid);
        attempt.ask('join', room, (answer) => {
          if (ended || !answer) return;
          if (!answer.ok) {
            refused(room.roomid, answer.error);
            return;
          }
          const { ok: _, ...page } = answer;
          admitted(room.roomid, page);
        });
      }
      return joined.size + refusing.size === asked.size;
    },
    end() {
      ended = true;
    },
  };
}
