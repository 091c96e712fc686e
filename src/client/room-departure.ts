import type { Removed } from '../protocol/rooms.ts';
import { ClientError } from './client-error.ts';
import type { Connection } from './connection.ts';
import type { Membership } from './membership.ts';

export interface RoomDepartureDeps {
  readonly roomid: string;
  readonly connection: Pick<Connection, 'ask'>;
  readonly membership: Pick<Membership, 'phase' | 'expel'>;
  /** The room stays open without its membership. */
  readonly isPersistent: () => boolean;
  readonly wasJoined: () => boolean;
  /** Everything that waits fails; more may wait again. */
  readonly stopQueues: (error: ClientError) => void;
  /** The room is over for this client. Without an error the application left it. */
  readonly end: (error: ClientError | undefined) => void;
  /** Wall clock in ms. */
  readonly wallMs: () => number;
  /** The application left the room. */
  readonly onLeft: () => void;
  /** The room was opened again after this one ended. */
  readonly isReopened: () => boolean;
}

/** The ways out of a room: the application leaves, or the server does not want this client. */
export interface RoomDeparture {
  /** Resolves once the server has answered, or the membership is lost with the connection. */
  leave(): Promise<void>;
  /** The server joined this client although it was removed or left the room meanwhile. */
  undoJoin(): void;
  removed(removed: Removed): void;
  /** The server does not want this client in the room. */
  expel(error: ClientError): void;
  /** The server turned this client away: what waits in a room of `join` fails. */
  stop(error: ClientError): void;
}

const REMOVED: Record<Removed['code'], string> = {
  kicked: 'you were removed from this room',
  banned: 'you are banned from this room',
};

export function createRoomDeparture(deps: RoomDepartureDeps): RoomDeparture {
  const { roomid, connection, membership, isPersistent, end } = deps;
  let left = false;

  function isOver(): boolean {
    return membership.phase === 'ended';
  }

  function expel(error: ClientError): void {
    if (isPersistent()) membership.expel(error);
    else end(error);
  }

  return {
    leave() {
      const isMember = membership.phase === 'joined' || membership.phase === 'joining';
      if (!isOver()) {
        left = true;
        deps.onLeft();
      }
      end(undefined);
      if (!isMember) return Promise.resolve();
      // Without an answer the connection is lost, and with it the membership.
      return new Promise((resolve) => connection.ask('leave', { roomid }, () => resolve()));
    },
    undoJoin() {
      // `leave` asked for it already; and whoever opened the room again wants to be in it.
      if (isOver() && (left || deps.isReopened())) return;
      connection.ask('leave', { roomid }, () => undefined);
    },
    removed: (removed) => expel(removalError(removed, deps.wallMs())),
    expel,
    stop(error) {
      if (isOver() || isPersistent()) return;
      if (deps.wasJoined()) deps.stopQueues(error);
      else end(error);
    },
  };
}

function removalError({ code, until }: Removed, nowMs: number): ClientError {
  const leftMs = until === undefined ? undefined : Math.max(1, until - nowMs);
  return new ClientError('forbidden', REMOVED[code], false, leftMs);
}
