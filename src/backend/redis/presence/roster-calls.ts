import type { Room } from '../../../chat/room.ts';
import type { Outcome } from '../../../protocol/codes.ts';
import type { ReportedUser } from '../../reported-presence.ts';
import { restrictionHash } from '../../restriction-hash.ts';
import type { RedisCommands } from '../connection/commands.ts';
import type { RedisKeys } from '../keys.ts';
import type { Scripts } from '../scripts.ts';
import { personText } from './persons.ts';
import type { PresenceNotifier } from './presence-notifier.ts';
import type { RoomTurns } from './room-turns.ts';

type Counted = [users: number, clients: number, changed: number, waitMs: number];
export type ExitReply = [...Counted, vacant: number];
export type EnterReply = [...Counted, refused: number, leftMs: number];

export interface RosterCalls {
  /** Sets the user and this instance's clients of the room. `most`: the clients it may have, 0 for no limit. */
  sendEnter(room: Room, user: ReportedUser, clients: number, most: number): Promise<Outcome<EnterReply>>;
  /** Removes the user, if one is given, and sets this instance's clients of the room. */
  sendExit(room: Room, userId: string, clients: number): Promise<Outcome<ExitReply>>;
}

export interface RosterCallsDeps {
  readonly redis: Pick<RedisCommands, 'evaluate'>;
  readonly scripts: Pick<Scripts, 'enter' | 'exit'>;
  readonly keys: Pick<RedisKeys, 'restrictions'>;
  readonly scriptKeys: (room: Room) => string[];
  readonly scriptArgs: (room: Room) => string[];
  readonly turns: RoomTurns;
  readonly notifier: PresenceNotifier;
  /** Lists a room in the instance's index. */
  readonly occupy: (room: Room) => Promise<Outcome<unknown>>;
  readonly vacateIfEmpty: (room: Room) => void;
}

/** The scripts that change who is in a room: in turn, and what follows from their replies. */
export function createRosterCalls(deps: RosterCallsDeps): RosterCalls {
  const { redis, scripts, keys, scriptKeys, scriptArgs, turns, notifier, occupy, vacateIfEmpty } = deps;

  async function sendEnter(
    room: Room,
    user: ReportedUser,
    clients: number,
    most: number,
  ): Promise<Outcome<EnterReply>> {
    const entered = await turns.afterListing(room, occupy(room), () =>
      redis.evaluate<EnterReply>(
        scripts.enter,
        [...scriptKeys(room), keys.restrictions(room)],
        [
          ...scriptArgs(room),
          String(clients),
          user.userId,
          user.username,
          personText(user),
          String(most),
          String(user.own),
          restrictionHash(user.userId),
        ],
      ),
    );
    if (entered.ok && entered.value[3] > 0) notifier.schedule(room, entered.value[3]);
    return entered;
  }

  async function sendExit(room: Room, userId: string, clients: number): Promise<Outcome<ExitReply>> {
    const args = [...scriptArgs(room), String(clients), userId];
    const left = await turns.inTurn(room, () =>
      redis.evaluate<ExitReply>(scripts.exit, scriptKeys(room), args),
    );
    if (!left.ok) return left;
    const [, , , waitMs, vacant] = left.value;
    if (waitMs > 0) notifier.schedule(room, waitMs);
    else if (vacant === 1) vacateIfEmpty(room);
    return left;
  }

  return { sendEnter, sendExit };
}
