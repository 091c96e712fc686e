import { expect } from 'vitest';
import type { Room } from '../../src/chat/room.ts';
import type { RosterEntry, RosterPage } from '../../src/chat/roster.ts';
import { granted } from './peers.ts';
import type { Peer } from './suite.ts';

export const ann = { userId: 'ann', username: 'Ann', avatar: '1.jpg' };
export const bob = { userId: 'bob', username: 'Bob' };
export const carol = { userId: 'carol', username: 'Carol' };

export async function enter(peer: Peer, room: Room, user: RosterEntry, clients = 1): Promise<void> {
  granted(await peer.roster.enter(room, user, clients, clients));
}

/** All pages from the first to the one after which there is no more. */
export async function pagesOf<T>(
  look: (page: RosterPage) => Promise<{ readonly page: readonly T[]; readonly next?: string }>,
  limit: number,
): Promise<(readonly T[])[]> {
  const pages: (readonly T[])[] = [];
  for (let after: string | undefined; ; ) {
    const { page, next } = await look({ limit, ...(after === undefined ? {} : { after }) });
    pages.push(page);
    if (next === undefined) return pages;
    expect(next).not.toBe(after);
    after = next;
  }
}

export function memberPages(peer: Peer, room: Room, limit: number): Promise<(readonly RosterEntry[])[]> {
  return pagesOf(async (query) => {
    const { members, rev: _, ...more } = granted(await peer.roster.members(room, query));
    return { page: members.map(({ clients: __, state: ___, seenAt: ____, ...user }) => user), ...more };
  }, limit);
}
