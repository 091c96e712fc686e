import type { Room } from '../../../chat/room.ts';
import { ROSTER_SETTLE_MS } from '../../../chat/roster.ts';
import { LARGE_ROOM_CLIENTS } from '../../../protocol/limits.ts';
import { frameAfter, presenceBefore } from '../bus/frame.ts';
import type { FrameSigner } from '../bus/frame-signer.ts';
import type { RedisServer, ScriptArgs } from '../connection/commands.ts';
import type { RedisKeys } from '../keys.ts';

/** The keys of the roster end after this if nobody reaps their instance: its record may be among the store's lost writes. */
export const ROSTER_KEYS_LIVE_MS = String(30 * 86_400_000);

/** KEYS[1..6] of the scripts that change who is in a room, see roster-room.lua. */
export function roomScriptKeys(keys: RedisKeys, room: Room, instanceId: string): string[] {
  return [...keys.roster(room, instanceId), ...keys.changes(room)];
}

export interface RoomScriptArgs {
  /** Changes of rooms wait for so long, because the server may have lost the roster. */
  readonly settleMs: number;
  /** The roster MUST list the instance in the room, unless the server lost it. */
  readonly expected: boolean;
}

/** A textmsg audience publishes no presence. */
function publishesPresence({ kind }: Room): boolean {
  return kind === 'room';
}

/** The last ARGV of the same scripts, see publish-frame.lua. */
export function presenceSignature(
  keys: RedisKeys,
  room: Room,
  signer: Pick<FrameSigner, 'scriptArg'>,
): string {
  return publishesPresence(room) ? signer.scriptArg(keys.channel(room)) : '';
}

/** ARGV[1..11] of the same scripts. */
export function roomScriptArgs(
  keys: RedisKeys,
  room: Room,
  instanceId: string,
  { settleMs, expected }: RoomScriptArgs,
): string[] {
  return [
    instanceId,
    keys.rosterOfInstances(room),
    ROSTER_KEYS_LIVE_MS,
    publishesPresence(room) ? keys.channel(room) : '',
    presenceBefore,
    frameAfter(room),
    JSON.stringify(room.roomid),
    String(LARGE_ROOM_CLIENTS),
    String(Math.ceil(settleMs)),
    expected ? '1' : '0',
    String(ROSTER_SETTLE_MS),
  ];
}

export interface RoomScriptArgsDeps {
  readonly keys: RedisKeys;
  readonly instanceId: string;
  readonly signer: Pick<FrameSigner, 'scriptArg'>;
  readonly settleMs: (server: RedisServer) => number;
}

/** All ARGV of a script of this instance; `more` come between the common ones and the signature. */
export function createRoomScriptArgs({ keys, instanceId, signer, settleMs }: RoomScriptArgsDeps) {
  return (
    room: Room,
    expected = false,
    more: (settleMs: number) => readonly string[] = () => [],
  ): ScriptArgs =>
    (server) => {
      const leftMs = settleMs(server);
      return [
        ...roomScriptArgs(keys, room, instanceId, { settleMs: leftMs, expected }),
        ...more(leftMs),
        presenceSignature(keys, room, signer),
      ];
    };
}
