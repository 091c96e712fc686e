import { succeed } from '../../../protocol/codes.ts';
import type { MovedRows, RowTarget } from '../../moved-rows.ts';
import { type ImportContext, inTurn, portionsOf, roomAt } from './import-context.ts';

/** It stands before the user id in a member of the blocked users, see people/blocks.ts. */
const BLOCKED = 'ban:';

/** Writes and reads back the users whom somebody has blocked, and the notes of mentions that are not stored yet. */
export function createBlocksImport({ redis, keys }: ImportContext): Pick<RowTarget, 'blocks' | 'mentions'> {
  return {
    blocks: {
      write({ tag, endsAt, users }) {
        const key = keys.blocked(roomAt(tag, 'inbox'));
        return inTurn(redis, [
          ...portionsOf(users).map((portion) => [
            'ZADD',
            key,
            ...portion.flatMap((userId) => ['inf', `${BLOCKED}${userId}`]),
          ]),
          endsAt === undefined ? ['PERSIST', key] : ['PEXPIREAT', key, String(endsAt)],
        ]);
      },
      async read({ tag }) {
        const key = keys.blocked(roomAt(tag, 'inbox'));
        const found = await inTurn(redis, [
          ['ZRANGE', key, '0', '-1'],
          ['PEXPIRETIME', key],
        ]);
        if (!found.ok) return found;
        const [members, endsAt] = found.value as [string[], number];
        const users = members.map((member) => member.slice(BLOCKED.length)).sort();
        return succeed({ tag, ...(endsAt > 0 && { endsAt }), users });
      },
    },

    mentions: {
      write: ({ at, ...note }) => redis.call(['ZADD', keys.mentions, String(at), mentionMember(note)]),
      async read(row) {
        const found = await redis.call<unknown>(['ZSCORE', keys.mentions, mentionMember(row)]);
        return found.ok ? succeed({ ...row, at: Number(found.value) }) : found;
      },
    },
  };
}

/** A note in the spelling of people/mention-notes.ts. */
function mentionMember({ nsp, roomid, tag, by }: Omit<MovedRows['mentions'], 'at'>): string {
  return JSON.stringify([nsp, roomid, tag, by]);
}
