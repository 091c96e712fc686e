import { randomBytes } from 'node:crypto';
import type { Room } from '../../chat/room.ts';
import type { BackendOptions } from '../backend.ts';
import type { CommandLink } from './command-link.ts';

/** What of the settings says how long logs and what is known of them stay. */
export type KeepingOptions = Pick<
  BackendOptions,
  'historySize' | 'historyTtlS' | 'inboxSize' | 'inboxTtlS' | 'dedupeTtlS'
>;

/** How long a log and what numbers it stay, and what begins its epochs. */
export interface Numbering {
  /** The first arguments of append.lua and read.lua, see epoch.lua. Undefined while the server is not known. */
  epochArgs(room: Room): readonly [runId: string, epoch: string, metaTtlMs: string] | undefined;
  keeping(room: Room): Keeping;
}

export interface Keeping {
  readonly entries: number;
  readonly logTtlMs: number;
  /** Meta must outlive the log, or a room's old numbers would be taken for those of a new epoch. */
  readonly metaTtlMs: number;
}

const DAY_MS = 86_400_000;
const EPOCH_BYTES = 9;
/** Every message brings one along, hardly any needs it; drawing each by itself took a tenth of a message's time. */
const DRAWN_AT_ONCE = 512;

export function createNumbering(link: Pick<CommandLink, 'server'>, options: KeepingOptions): Numbering {
  const ofRooms = keepingOf(options.historySize, options.historyTtlS);
  const ofInboxes = keepingOf(options.inboxSize, options.inboxTtlS);
  const keeping = (room: Room) => (room.kind === 'room' ? ofRooms : ofInboxes);
  const newEpoch = createEpochNames();
  return {
    epochArgs: (room) => {
      const server = link.server();
      return server && [server.runId, newEpoch(), String(keeping(room).metaTtlMs)];
    },
    keeping,
  };
}

function createEpochNames(): () => string {
  let drawn = Buffer.alloc(0);
  let used = 0;
  return () => {
    if (used === drawn.length) {
      drawn = randomBytes(EPOCH_BYTES * DRAWN_AT_ONCE);
      used = 0;
    }
    used += EPOCH_BYTES;
    return drawn.toString('base64url', used - EPOCH_BYTES, used);
  };
}

function keepingOf(entries: number, ttlS: number): Keeping {
  const logTtlMs = ttlS * 1_000;
  return { entries, logTtlMs, metaTtlMs: 2 * logTtlMs + DAY_MS };
}
