import type { LoggedRooms } from '../../chat/logged-rooms.ts';
import { roomOf } from '../../chat/room.ts';
import { refuse, succeed } from '../../protocol/codes.ts';
import { expireEntries, retentionOf } from './log-meta.ts';
import type { KeyedRow, Tables } from './tables.ts';
import type { StoreRules } from './transaction-context.ts';

export interface LoggedRoomsDeps {
  readonly tables: Pick<Tables, 'rowsAfter' | 'entry'>;
  readonly rules: StoreRules;
  readonly now: () => number;
  readonly closed: () => boolean;
}

/** Logs that one page looks at: they are read in the process that serves everybody. */
const LOOKED_AT = 500;

/** The logs in the order of their tags. No row has a room's name but its entries have it, and the tag proves it. */
export function createLoggedRooms({ tables, rules, now, closed }: LoggedRoomsDeps): LoggedRooms {
  function roomidOf(nsp: string, { key: tag, value: meta }: KeyedRow<'logMeta'>): string | undefined {
    if (meta.kind !== undefined && meta.kind !== 'room') return undefined;
    const { first, top } = expireEntries(meta, retentionOf(meta, rules), now());
    const newest = first <= top ? tables.entry(tag, top) : undefined;
    if (!newest) return undefined;
    // An entry may be long, and no roomid has a quote or a backslash.
    const [, roomid] = /"roomid":"([^"]*)"/.exec(newest.json) ?? [];
    return roomid !== undefined && roomOf(nsp, roomid).tag === tag ? roomid : undefined;
  }

  return {
    async list(nsp, { after, limit }) {
      if (closed()) return refuse('unavailable', 'the store is closed', 1_000);
      const roomids: string[] = [];
      const rows = tables.rowsAfter('logMeta', after, LOOKED_AT);
      for (const [index, row] of rows.entries()) {
        const roomid = roomidOf(nsp, row);
        if (roomid !== undefined) roomids.push(roomid);
        const isLast = index === rows.length - 1;
        if (roomids.length === limit || isLast) {
          return succeed({ roomids, ...(isLast && rows.length < LOOKED_AT ? {} : { next: row.key }) });
        }
      }
      return succeed({ roomids });
    },
  };
}
