import { hash } from 'node:crypto';
import type { LoggedRooms } from '../../../chat/logged-rooms.ts';
import { roomOf } from '../../../chat/room.ts';
import { type Outcome, refuse, succeed } from '../../../protocol/codes.ts';
import type { RedisCommands } from '../connection/commands.ts';
import { away } from '../connection/failures.ts';
import type { RedisConnection } from '../connection/redis-connection.ts';
import type { RedisKeys } from '../keys.ts';
import { allValues } from '../outcomes.ts';
import type { Script } from '../scripts.ts';

/** A server whose keys can be listed. */
export type ListedServer = Pick<RedisConnection, 'call' | 'denies' | 'server'>;

export interface RedisLoggedRoomsDeps {
  readonly redis: Pick<RedisCommands, 'evaluate'>;
  readonly servers: () => readonly ListedServer[];
  readonly roomName: Script;
  readonly keys: Pick<RedisKeys, 'log' | 'logPattern' | 'tagOfLog'>;
}

/** A place in the listing: of which servers, the index of one, and the cursor of its SCAN. */
interface Place {
  readonly spread: string;
  readonly index: number;
  readonly cursor: string;
}

/** The calls of SCAN for one page. Each looks at about as many keys as the page has rooms left. */
const SCANS = 32;
const MAX_CURSOR = 2n ** 64n;
const DENIED = refuse('forbidden', 'all: the user of Redis lacks the right to SCAN: grant +scan');

/**
 * Nothing keeps a list of logs: it would cost a call at a room's first message, and would have to follow every expiry, move and
 * restored backup. So a page scans a part of the keys, and names each log by its newest entry. An inbox has none, and the tag
 * proves the namespace.
 */
export function createRedisLoggedRooms(deps: RedisLoggedRoomsDeps): LoggedRooms {
  const { redis, servers, roomName, keys } = deps;

  /** In the order of their run ids, which every worker knows. A cursor is void in another run, so the listing begins anew then. */
  function serversNow(): { readonly spread: string; readonly listed: readonly ListedServer[] } | undefined {
    const known = servers().map((server) => ({ server, run: server.server()?.term.split(' ')[0] ?? '' }));
    if (known.some(({ run }) => run === '')) return undefined;
    known.sort((one, other) => (one.run < other.run ? -1 : 1));
    const spread = hash('sha256', known.map(({ run }) => run).join(' '), 'base64url').slice(0, 8);
    return { spread, listed: known.map(({ server }) => server) };
  }

  async function roomidsOf(nsp: string, logs: readonly string[]): Promise<Outcome<readonly string[]>> {
    const tags = logs.map(keys.tagOfLog);
    const names = await allValues(
      tags.map((tag) => {
        const [log, , replaced] = keys.log({ tag });
        return redis.evaluate<string>(roomName, [log, replaced], []);
      }),
    );
    if (!names.ok) return names;
    return succeed(names.value.filter((name, index) => name !== '' && roomOf(nsp, name).tag === tags[index]));
  }

  return {
    async list(nsp, { after, limit }) {
      const now = serversNow();
      if (!now) return away();
      const { spread, listed } = now;
      const given = after === undefined ? beginning(spread) : placeFrom(after);
      if (!given) return refuse('bad_request', 'after: is no place of this listing');
      let { index, cursor } =
        given.spread === spread && given.index < listed.length ? given : beginning(spread);
      const found = new Set<string>();
      for (let scans = 0; scans < SCANS && found.size < limit; scans += 1) {
        const server = listed[index] as ListedServer;
        const scan = ['SCAN', cursor, 'MATCH', keys.logPattern, 'COUNT', String(limit - found.size)];
        // The worker itself can do without this right, so it must not seem to lack one.
        const denied = scans === 0 ? await server.denies(scan) : succeed(false);
        if (!denied.ok) return denied;
        if (denied.value) return DENIED;
        const page = await server.call<[cursor: string, logs: string[]]>(scan);
        if (!page.ok) return page;
        const [next, logs] = page.value;
        const roomids = await roomidsOf(nsp, logs);
        if (!roomids.ok) return roomids;
        for (const roomid of roomids.value) found.add(roomid);
        cursor = next;
        if (cursor !== '0') continue;
        index += 1;
        if (index === listed.length) return succeed({ roomids: [...found] });
      }
      return succeed({ roomids: [...found], next: `${spread}.${index}.${cursor}` });
    },
  };
}

const beginning = (spread: string): Place => ({ spread, index: 0, cursor: '0' });

function placeFrom(text: string): Place | undefined {
  const [, spread = '', index = '', cursor = ''] = /^([\w-]{8})\.(\d{1,5})\.(\d{1,20})$/.exec(text) ?? [];
  if (cursor === '' || BigInt(cursor) >= MAX_CURSOR) return undefined;
  return { spread, index: Number(index), cursor };
}
