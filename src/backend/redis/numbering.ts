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

export function createNumbering(link: Pick<CommandLink, 'server'>, options: KeepingOptions): Numbering {
  const ofRooms = keepingOf(options.historySize, options.historyTtlS);
  const ofInboxes = keepingOf(options.inboxSize, options.inboxTtlS);
  const keeping = (room: Room) => (room.kind === 'room' ? ofRooms : ofInboxes);
  return {
    epochArgs: (room) => {
      const server = link.server();
      return server && [server.runId, randomBytes(9).toString('base64url'), String(keeping(room).metaTtlMs)];
    },
    keeping,
  };
}

function keepingOf(entries: number, ttlS: number): Keeping {
  const logTtlMs = ttlS * 1_000;
  return { entries, logTtlMs, metaTtlMs: 2 * logTtlMs + DAY_MS };
}
