import { BackendError } from '../../backend.ts';
import { literalPattern } from '../keys.ts';
import type { MovedServer } from './moved-server.ts';

export interface KeyMoves {
  /** All keys that begin with it are moved, but for those in `unmoved`. */
  readonly prefix: string;
  readonly unmoved: readonly string[];
  readonly ownerOf: (key: string) => MovedServer;
  /** Several servers may have a sorted set under this key, each a part of it. */
  readonly isInParts: (key: string) => boolean;
}

const AT_ONCE = 200;

/** Returns the first key that another server shall have, and of which it has other content. */
export async function findConflict(server: MovedServer, moves: KeyMoves): Promise<BackendError | undefined> {
  for await (const keys of foreignKeys(server, moves)) {
    const compared = await Promise.all(
      keys.map(async (key) => {
        const owner = moves.ownerOf(key);
        if (moves.isInParts(key)) return undefined;
        if ((await owner.ask<number>(['EXISTS', key])) === 0) return undefined;
        return (await compare(key, server, owner)) === 'different'
          ? isConflict(key, server, owner)
          : undefined;
      }),
    );
    const conflict = compared.find((one) => one !== undefined);
    if (conflict) return conflict;
  }
  return undefined;
}

/** Returns how many keys left the server. */
export async function moveKeys(server: MovedServer, moves: KeyMoves): Promise<number> {
  let moved = 0;
  for await (const keys of foreignKeys(server, moves)) {
    const results = await Promise.all(
      keys.map((key) => (moves.isInParts(key) ? movePart : move)(server, moves.ownerOf(key), key)),
    );
    moved += results.filter(Boolean).length;
  }
  return moved;
}

/** The keys that are at the server and shall be at another. */
async function* foreignKeys(
  server: MovedServer,
  { prefix, unmoved, ownerOf }: KeyMoves,
): AsyncGenerator<readonly string[]> {
  const pattern = `${literalPattern(prefix)}*`;
  let cursor = '0';
  do {
    const scan = ['SCAN', cursor, 'MATCH', pattern, 'COUNT', String(AT_ONCE)];
    const [next, found] = await server.ask<[string, string[]]>(scan);
    cursor = next;
    yield [...new Set(found)].filter((key) => !unmoved.includes(key) && ownerOf(key) !== server);
  } while (cursor !== '0');
}

/**
 * Copies the key before it deletes it, so a run that is cut off loses nothing. It replaces no key: what is there already is a
 * copy that an earlier run made, or nothing is moved. Returns false if the key expired meanwhile.
 */
async function move(from: MovedServer, to: MovedServer, key: string): Promise<boolean> {
  const [value, ttlMs] = await Promise.all([
    from.askBytes<Buffer | null>(['DUMP', key]),
    from.ask<number>(['PTTL', key]),
  ]);
  if (value === null || ttlMs === -2) return false;
  // RESTORE takes 0 for no expiry, as PTTL takes -1. A key in its last millisecond has 0.
  const restoredTtlMs = ttlMs < 0 ? 0 : Math.max(1, ttlMs);
  try {
    await to.ask(['RESTORE', key, String(restoredTtlMs), value]);
  } catch (error) {
    const reply = error instanceof BackendError && error.cause instanceof Error ? error.cause.message : '';
    if (!reply.startsWith('BUSYKEY')) throw error;
    const compared = await compare(key, from, to);
    if (compared === 'different') throw isConflict(key, from, to);
    // It has expired there since.
    if (compared === 'absent') return move(from, to, key);
  }
  await from.ask(['UNLINK', key]);
  return true;
}

/** Adds the members to those that the owner has. They all have score 0. */
async function movePart(from: MovedServer, to: MovedServer, key: string): Promise<boolean> {
  const [members, ttlMs] = await Promise.all([
    from.askBytes<Buffer[]>(['ZRANGE', key, '0', '-1']),
    from.ask<number>(['PTTL', key]),
  ]);
  for (let index = 0; index < members.length; index += AT_ONCE) {
    const scored = members.slice(index, index + AT_ONCE).flatMap((member) => ['0', member]);
    await to.ask(['ZADD', key, ...scored]);
  }
  if (ttlMs > 0) await to.ask(['PEXPIRE', key, String(ttlMs)]);
  await from.ask(['UNLINK', key]);
  return members.length > 0;
}

function isConflict(key: string, from: MovedServer, to: MovedServer): BackendError {
  return new BackendError(
    `${from.name} and ${to.name} have different data under ${key}, which only ${to.name} shall have from now on. Nothing was overwritten. Delete the one that is not wanted, and run this again`,
  );
}

/** A dump ends with its format's version and a checksum, which differ between versions of Redis. */
const FOOTER_BYTES = 10;
/** The first byte of a hash's dump: a table, or one of the packed forms. */
const HASHES = new Set([4, 13, 16]);

/** `absent`: the owner does not have the key. */
async function compare(
  key: string,
  from: MovedServer,
  owner: MovedServer,
): Promise<'same' | 'different' | 'absent'> {
  const [a, b] = await Promise.all(
    [from, owner].map(({ askBytes }) => askBytes<Buffer | null>(['DUMP', key])),
  );
  if (!b) return 'absent';
  // It has expired, and nothing is left to lose.
  if (!a) return 'same';
  if (a.subarray(0, -FOOTER_BYTES).equals(b.subarray(0, -FOOTER_BYTES))) return 'same';
  if (!HASHES.has(a[0] ?? -1) || !HASHES.has(b[0] ?? -1)) return 'different';
  // A table's order depends on a seed that every Redis draws at its start.
  const [fields, others] = await Promise.all([fieldsOf(key, from), fieldsOf(key, owner)]);
  return fields.join() === others.join() ? 'same' : 'different';
}

async function fieldsOf(key: string, { askBytes }: MovedServer): Promise<readonly string[]> {
  const flat = await askBytes<readonly Buffer[]>(['HGETALL', key]);
  const fields: string[] = [];
  for (let index = 0; index < flat.length; index += 2) {
    fields.push(`${flat[index]?.toString('hex')}:${flat[index + 1]?.toString('hex')}`);
  }
  return fields.sort();
}
