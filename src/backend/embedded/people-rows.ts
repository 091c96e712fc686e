import type { Restriction } from '../../chat/moderation.ts';
import { roomOf } from '../../chat/room.ts';
import type { MovedRows } from '../moved-rows.ts';
import { withoutExpired } from './restrictions.ts';
import { type RowContext, rowsIn } from './row-context.ts';
import { inboxOfKey, ownMessageKey } from './unread.ts';

export function* listMarkerRows({ tables }: RowContext): Generator<MovedRows['markers']> {
  for (const { key: tag, value } of rowsIn(tables, 'inboxMarkers')) {
    const { sent, recv, read, news } = value;
    yield { tag, sent, recv, read, ...(news && { announcements: news }) };
  }
}

export function* listSubscriptionRows(context: RowContext): Generator<MovedRows['subscriptions']> {
  const { tables, atMs } = context;
  for (const { key: tag, value } of rowsIn(tables, 'roomSubscriptions')) {
    if (value.rooms.length === 0) continue;
    if (value.until <= atMs && !tables.row('logMeta', tag)) continue;
    const rooms = value.rooms.map(([roomid, read]) => {
      // A user has read up to the own message. The marker says so where the room cannot.
      const own = tables.row('said', ownMessageKey(tag, roomid)) ?? 0;
      const isMoved = own <= read || roomsNamed(context, roomid, own).length > 0;
      return { roomid, read: isMoved ? read : own };
    });
    yield { tag, rooms };
  }
}

/**
 * The rows name the inbox and the room's id, and the tag of a room depends on the namespace, too. So a row goes to the rooms of
 * that id in all namespaces. Only in its own one does anybody ask for that inbox.
 */
export function* listOwnMessageRows(context: RowContext): Generator<MovedRows['ownMessages']> {
  for (const { key, value: seq } of rowsIn(context.tables, 'said')) {
    const inbox = inboxOfKey(key);
    for (const tag of roomsNamed(context, key.slice(inbox.length + 1), seq)) yield { tag, inbox, seq };
  }
}

/** The tags of the logs of that room, in all namespaces, that have given that number. */
function roomsNamed({ tables, namespaces }: RowContext, roomid: string, seq: number): string[] {
  return namespaces
    .map((nsp) => roomOf(nsp, roomid).tag)
    .filter((tag) => (tables.row('logMeta', tag)?.top ?? 0) >= seq);
}

export function* listRestrictionRows({ tables, atMs }: RowContext): Generator<MovedRows['restrictions']> {
  let row: { tag: string; held: [Restriction, string, number | undefined][] } | undefined;
  for (const { key, value } of rowsIn(tables, 'restrictions')) {
    const [tag = '', user = ''] = key.split(':');
    const held = withoutExpired(value, atMs) ?? {};
    if (row && row.tag !== tag) {
      yield row;
      row = undefined;
    }
    for (const kind of ['ban', 'mute'] as const) {
      if (!held[kind]) continue;
      row ??= { tag, held: [] };
      row.held.push([kind, user, held[kind].until]);
    }
  }
  if (row) yield row;
}

export function* listBlockRows({ tables, atMs }: RowContext): Generator<MovedRows['blocks']> {
  let row: { tag: string; users: string[]; ends: number[] } | undefined;
  const moved = ({ tag, users, ends }: NonNullable<typeof row>): MovedRows['blocks'] => {
    const endsAt = Math.floor(Math.max(...ends));
    return { tag, ...(endsAt < Number.POSITIVE_INFINITY && { endsAt }), users: users.sort() };
  };
  for (const { key, value } of rowsIn(tables, 'blocks')) {
    const { userId, until = Number.POSITIVE_INFINITY } = value;
    const [tag = ''] = key.split(':');
    if (until <= atMs) continue;
    if (row && row.tag !== tag) {
      yield moved(row);
      row = undefined;
    }
    row ??= { tag, users: [], ends: [] };
    row.users.push(userId);
    row.ends.push(until);
  }
  if (row) yield moved(row);
}

export function* listMentionRows({ tables }: RowContext): Generator<MovedRows['mentions']> {
  for (const { key: tag, value } of rowsIn(tables, 'mentions')) yield { tag, ...value };
}

export function* listPushRows({ tables, atMs }: RowContext): Generator<MovedRows['pushes']> {
  for (const { key: tag, value } of rowsIn(tables, 'pushes')) {
    const { nsp, places, until } = value;
    if (until > atMs) yield { tag, endsAt: until, nsp, positions: places };
  }
}

/** Requests under way ended with the server, so their attempts are not moved: the next one runs at once. */
export function* listClaimRows({ tables, atMs }: RowContext): Generator<MovedRows['claims']> {
  for (const { key: tag, value } of rowsIn(tables, 'claims')) {
    const { id, fingerprint, answer, until } = value;
    if (until > atMs)
      yield { tag, endsAt: Math.floor(until), id, fingerprint, ...(answer !== undefined && { answer }) };
  }
}
