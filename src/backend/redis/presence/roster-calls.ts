import type { Room } from '../../../chat/room.ts';
import type { Outcome } from '../../../protocol/codes.ts';
import type { ReportedUser } from '../../reported-presence.ts';
import { restrictionHash } from '../../restriction-hash.ts';
import type { RedisCommands, ScriptArgs } from '../connection/commands.ts';
import type { RedisKeys } from '../keys.ts';
import type { Scripts } from '../scripts.ts';
import { personText } from './persons.ts';
import type { PresenceNotifier } from './presence-notifier.ts';
import type { RoomTurns } from './room-turns.ts';

type Counted = [users: number, clients: number, changed: number, waitMs: number];
export type ExitReply = [...Counted, vacant: number];
export type EnterReply = [...Counted, refused: number, leftMs: number, here: number];

export interface EnterOptions {
  /** The clients that the room may have, 0 for no limit. */
  readonly most: number;
  /** Returns whether the members know of the user already. `settleMs`: the time for which rooms hold back changes now. */
  readonly known: (settleMs: number) => boolean;
  /** The roster MUST list this instance in the room, unless the server lost it. */
  readonly expected?: boolean;
}

export interface ExitOptions {
  /** The user as the members know them, in case the roster has lost the user. */
  readonly known?: ReportedUser | undefined;
  readonly expected?: boolean;
  /**
   * Names the event that this step publishes: that the user left, or is there on another instance. `told`: the members have been
   * told that the user left, but the store lost it.
   */
  readonly tell?: 'quit' | 'join' | 'told';
}

export interface RosterCalls {
  /** Sets the user and this instance's clients of the room. */
  sendEnter(
    room: Room,
    user: ReportedUser,
    clients: number,
    options: EnterOptions,
  ): Promise<Outcome<EnterReply>>;
  /** Removes the user, if one is given, and sets this instance's clients of the room. */
  sendExit(room: Room, userId: string, clients: number, options?: ExitOptions): Promise<Outcome<ExitReply>>;
  /** Notifies the room of its pending changes if it is time. Returns the ms until then, 0 if nothing is pending. */
  sendNotify(room: Room): Promise<Outcome<number>>;
}

export interface RosterCallsDeps {
  readonly redis: Pick<RedisCommands, 'evaluate'>;
  readonly scripts: Pick<Scripts, 'enter' | 'exit' | 'notify'>;
  readonly keys: Pick<RedisKeys, 'restrictions'>;
  readonly scriptKeys: (room: Room) => string[];
  readonly scriptArgs: (
    room: Room,
    expected?: boolean,
    more?: (settleMs: number) => readonly string[],
  ) => ScriptArgs;
  readonly turns: RoomTurns;
  readonly notifier: PresenceNotifier;
  /** Lists a room in the instance's index. */
  readonly occupy: (room: Room) => Promise<Outcome<unknown>>;
  readonly vacateIfEmpty: (room: Room) => void;
}

/** The scripts that change who is in a room: in turn, and what follows from their replies. */
export function createRosterCalls(deps: RosterCallsDeps): RosterCalls {
  const { redis, scripts, keys, scriptKeys, scriptArgs, turns, notifier, occupy, vacateIfEmpty } = deps;

  return {
    async sendEnter(room, user, clients, { most, known, expected = false }) {
      const entered = await turns.afterListing(room, occupy(room), () =>
        redis.evaluate<EnterReply>(
          scripts.enter,
          [...scriptKeys(room), keys.restrictions(room)],
          scriptArgs(room, expected, (settleMs) => [
            String(clients),
            user.userId,
            user.username,
            personText(user),
            String(most),
            String(user.own),
            known(settleMs) ? '1' : '0',
            restrictionHash(user.userId),
          ]),
        ),
      );
      if (!entered.ok) return entered;
      const [, , , waitMs] = entered.value;
      if (waitMs > 0) notifier.schedule(room, waitMs);
      return entered;
    },

    async sendExit(room, userId, clients, { known, expected = false, tell } = {}) {
      const args = scriptArgs(room, expected, () => [
        String(clients),
        userId,
        known ? personText(known) : '',
        tell ?? '',
      ]);
      const left = await turns.inTurn(room, () =>
        redis.evaluate<ExitReply>(scripts.exit, scriptKeys(room), args),
      );
      if (!left.ok) return left;
      const [, , , waitMs, vacant] = left.value;
      if (waitMs > 0) notifier.schedule(room, waitMs);
      else if (vacant === 1) vacateIfEmpty(room);
      return left;
    },

    sendNotify: (room) => redis.evaluate<number>(scripts.notify, scriptKeys(room), scriptArgs(room)),
  };
}
