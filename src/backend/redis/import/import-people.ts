import type { Restriction } from '../../../chat/moderation.ts';
import { succeed } from '../../../protocol/codes.ts';
import type { RowTarget } from '../../moved-rows.ts';
import { placeIn, placeText } from '../push-places.ts';
import { createBlocksImport } from './import-blocks.ts';
import { type ImportContext, inTurn, portionsOf, roomAt } from './import-context.ts';
import { createMarkersImport } from './import-markers.ts';

type PeopleTables =
  | 'markers'
  | 'subscriptions'
  | 'ownMessages'
  | 'restrictions'
  | 'blocks'
  | 'mentions'
  | 'pushes'
  | 'claims';

/** The field of a push that holds the namespace, see people/pushes.ts. */
const NSP = '';
/** The end of a restriction that is not there. */
const NONE = -1;

/** Writes and reads back the rows of people: inbox markers, rooms, restrictions, blocks, mentions, receipts and claims. */
export function createPeopleImport(context: ImportContext): Pick<RowTarget, PeopleTables> {
  const { redis, keys, retention, atMs } = context;

  return {
    markers: createMarkersImport(context),

    subscriptions: {
      write({ tag, rooms }) {
        const inbox = roomAt(tag, 'inbox');
        const [markers, order] = keys.roomSubscriptions(inbox);
        const endsAt = String(atMs + retention(inbox).logTtlMs);
        return inTurn(redis, [
          ['HSET', markers, ...rooms.flatMap(({ roomid, read }) => [roomid, String(read)])],
          // The room used last has the highest score.
          ['ZADD', order, ...rooms.flatMap(({ roomid }, index) => [String(rooms.length - index), roomid])],
          ['PEXPIREAT', markers, endsAt],
          ['PEXPIREAT', order, endsAt],
        ]);
      },
      async read({ tag }) {
        const [markers, order] = keys.roomSubscriptions(roomAt(tag, 'inbox'));
        const listed = await redis.call<string[]>(['ZRANGE', order, '0', '-1', 'REV']);
        if (!listed.ok || listed.value.length === 0) return listed.ok ? succeed({ tag, rooms: [] }) : listed;
        const read = await redis.call<(string | null)[]>(['HMGET', markers, ...listed.value]);
        if (!read.ok) return read;
        const rooms = listed.value.map((roomid, index) => ({ roomid, read: Number(read.value[index]) }));
        return succeed({ tag, rooms });
      },
    },

    ownMessages: {
      write({ tag, inbox, seq }) {
        const room = roomAt(tag);
        const [readers] = keys.unread(room);
        return inTurn(redis, [
          ['ZADD', readers, String(seq), inbox],
          ['PEXPIREAT', readers, String(atMs + retention(room).metaTtlMs)],
        ]);
      },
      async read(row) {
        const [readers] = keys.unread(roomAt(row.tag));
        const found = await redis.call<unknown>(['ZSCORE', readers, row.inbox]);
        return found.ok ? succeed({ ...row, seq: Number(found.value) }) : found;
      },
    },

    restrictions: {
      // The user is known by a hash, see hashed-restrictions.lua.
      write({ tag, held }) {
        const key = keys.restrictions(roomAt(tag));
        const pairs = held.map(([kind, user, until]) => [String(until ?? 'inf'), memberOf(kind, user)]);
        const ends = held.map(([, , until = Number.POSITIVE_INFINITY]) => until);
        const last = ends.reduce((one, other) => Math.max(one, other), 0);
        return inTurn(redis, [
          ...portionsOf(pairs).map((portion) => ['ZADD', key, ...portion.flat()]),
          last === Number.POSITIVE_INFINITY ? ['PERSIST', key] : ['PEXPIREAT', key, String(last)],
        ]);
      },
      async read(row) {
        const key = keys.restrictions(roomAt(row.tag));
        const members = row.held.map(([kind, user]) => memberOf(kind, user));
        const found = await inTurn(
          redis,
          portionsOf(members).map((portion) => ['ZMSCORE', key, ...portion]),
        );
        if (!found.ok) return found;
        const scores = found.value.flat();
        const held = row.held.map(([kind, user], index) => {
          const score = scores[index];
          if (score === null) return [kind, user, NONE] as const;
          const until = Number(String(score).replace('inf', 'Infinity'));
          return [kind, user, until === Number.POSITIVE_INFINITY ? undefined : until] as const;
        });
        return succeed({ ...row, held });
      },
    },

    ...createBlocksImport(context),

    pushes: {
      write({ tag, endsAt = 0, nsp, positions }) {
        const key = keys.hashed.pushPositions(tag);
        const pairs = [[NSP, nsp], ...positions.map(([userId, ...place]) => [userId, placeText(...place)])];
        return inTurn(redis, [
          ...portionsOf(pairs).map((portion) => ['HSET', key, ...portion.flat()]),
          ['PEXPIREAT', key, String(endsAt)],
        ]);
      },
      async read(row) {
        const key = keys.hashed.pushPositions(row.tag);
        const users = row.positions.map(([userId]) => userId);
        const found = await inTurn(redis, [
          ['HMGET', key, NSP, ...users],
          ['HLEN', key],
          ['PEXPIRETIME', key],
        ]);
        if (!found.ok) return found;
        const [[nsp, ...places], fields, endsAt] = found.value as [(string | null)[], number, number];
        const positions = users.map((userId, index) => {
          return [userId, ...placeIn(places[index] ?? '')] as const;
        });
        const all = fields === positions.length + 1 ? positions : [];
        return succeed({ ...row, endsAt, nsp: nsp ?? '', positions: all });
      },
    },

    claims: {
      write({ tag, endsAt = 0, id, fingerprint, answer }) {
        const [claim] = keys.hashed.claim(tag);
        const answered = answer === undefined ? [] : ['answer', answer];
        return inTurn(redis, [
          ['HSET', claim, 'id', id, 'print', fingerprint, ...answered],
          ['PEXPIREAT', claim, String(endsAt)],
        ]);
      },
      async read({ tag }) {
        const [claim] = keys.hashed.claim(tag);
        const found = await inTurn(redis, [
          ['HMGET', claim, 'id', 'print', 'answer'],
          ['PEXPIRETIME', claim],
        ]);
        if (!found.ok) return found;
        const [[id, fingerprint, answer], endsAt] = found.value as [(string | null)[], number];
        return succeed({
          tag,
          endsAt,
          id: id ?? '',
          fingerprint: fingerprint ?? '',
          ...(typeof answer === 'string' && { answer }),
        });
      },
    },
  };
}

function memberOf(kind: Restriction, user: string): string {
  return `${kind}#${user}`;
}
