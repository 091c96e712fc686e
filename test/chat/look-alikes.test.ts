import { beforeEach, describe, expect, it } from 'vitest';
import { createLookAlikes } from '../../src/chat/look-alikes.ts';
import { roomOf } from '../../src/chat/room.ts';
import type { PresenceChange, PresenceEvent, RosterEntry, RosterPage } from '../../src/chat/roster.ts';
import { refuse, succeed } from '../../src/protocol/codes.ts';

const tea = roomOf('/', 'tea');
const CYRILLIC_ANN = 'Аnn';

/** `ann:Ann`, with a ! behind it for a mark. */
const shown = ({ userId, username, confusable }: RosterEntry) =>
  `${userId}:${username}${confusable ? '!' : ''}`;

function told(change: PresenceChange | PresenceEvent): string {
  if ('event' in change) return `${change.event} ${shown(change.user)}`;
  if (!('joins' in change)) return `${change.rev} count ${change.users}`;
  const { rev, joins, leaves } = change;
  return [rev, ...joins.map((user) => `+${shown(user)}`), ...leaves.map((user) => `-${shown(user)}`)].join(
    ' ',
  );
}

function user(userId: string, username: string): RosterEntry {
  return { userId, username };
}

describe('members whose names look alike', () => {
  const people = new Map<string, string>();
  let rev = 0;
  let away = false;
  let reads = 0;
  let atMs = 0;
  let changes: string[] = [];
  let lookAlikes: ReturnType<typeof createLookAlikes>;

  beforeEach(() => {
    people.clear();
    [rev, away, reads, atMs, changes] = [100, false, 0, 0, []];
    lookAlikes = createLookAlikes({
      roster: {
        async members(_room, { after = '', limit }: RosterPage) {
          reads += 1;
          if (away) return refuse('unavailable', 'away', 1);
          const found = [...people].filter(([id]) => id > after).sort(([a], [b]) => (a < b ? -1 : 1));
          const page = found.slice(0, limit);
          const next = found.length > limit ? page.at(-1)?.[0] : undefined;
          const members = page.map(([id, name]) => ({
            ...user(id, name),
            clients: 1,
            state: 'online' as const,
            seenAt: 0,
          }));
          return succeed({ rev, members, ...(next === undefined ? {} : { next }) });
        },
      },
      deliver: (_room, change) => changes.push(told(change)),
      now: () => atMs,
      maxKeptNames: 100,
    });
  });

  const settled = () => new Promise((resolve) => setImmediate(resolve));

  /** Publishes a diff as the roster does. */
  async function publish(joins: readonly [string, string][], leaves: readonly string[] = []) {
    const left = leaves.map((id) => user(id, people.get(id) ?? ''));
    for (const [id, name] of joins) people.set(id, name);
    for (const id of leaves) people.delete(id);
    rev += 1;
    lookAlikes.push(tea, { rev, joins: joins.map(([id, name]) => user(id, name)), leaves: left });
    await settled();
    return changes.at(-1);
  }

  async function listed(page: Partial<RosterPage> = {}) {
    const answer = await lookAlikes.members(tea, { limit: 200, ...page });
    return answer.ok ? answer.value.members.map(shown) : answer.error.code;
  }

  it('are marked in the list, both', async () => {
    for (const [id, name] of Object.entries({ a: 'Ann', b: CYRILLIC_ANN, c: 'Carl', d: 'Ann ' })) {
      people.set(id, name.trim());
    }
    expect(await listed()).toEqual(['a:Ann!', `b:${CYRILLIC_ANN}!`, 'c:Carl', 'd:Ann!']);
    expect(reads).toBe(1);
  });

  it('are marked in a page of a longer list, which is read once in five seconds', async () => {
    for (let n = 0; n < 450; n += 1) people.set(`u${String(n).padStart(3, '0')}`, `name ${n}`);
    people.set('u449', 'name O');
    expect(await listed({ limit: 2 })).toEqual(['u000:name 0!', 'u001:name 1']);
    expect(await listed({ limit: 1, after: 'u448' })).toEqual(['u449:name O!']);
    expect(reads).toBe(2 + 3);
    people.set('u449', 'other');
    expect(await listed({ limit: 1, after: 'u448' })).toEqual(['u449:other']);
    atMs = 5_000;
    expect(await listed({ limit: 1 })).toEqual(['u000:name 0']);
  });

  it('are marked as they come, those who were there too, and no longer when they leave', async () => {
    people.set('a', 'Ann').set('c', 'Carl');
    expect(await publish([['x', 'Xaver']])).toBe('101 +x:Xaver');
    expect(reads).toBe(1);
    lookAlikes.push(tea, { event: 'join', user: user('b', CYRILLIC_ANN) });
    expect(changes.at(-1)).toBe(`join b:${CYRILLIC_ANN}!`);
    expect(await publish([['b', CYRILLIC_ANN]])).toBe(`102 +b:${CYRILLIC_ANN}! +a:Ann!`);
    expect(await publish([['d', 'Ann']])).toBe('103 +d:Ann!');
    expect(await publish([], ['b'])).toBe(`104 -b:${CYRILLIC_ANN}`);
    expect(await publish([], ['a'])).toBe('105 +d:Ann -a:Ann');
    expect(reads).toBe(1);
  });

  it('are marked by their newest names', async () => {
    people.set('a', 'Ann').set('b', 'Bob');
    await publish([['x', 'Xaver']]);
    expect(await publish([['b', CYRILLIC_ANN]])).toBe(`102 +b:${CYRILLIC_ANN}! +a:Ann!`);
    expect(await publish([['b', 'Bob']])).toBe('103 +b:Bob +a:Ann');
    expect(await publish([['a', 'Bob']])).toBe('104 +a:Bob! +b:Bob!');
  });

  it('are marked in the first diff that a worker hears, which the list has already', async () => {
    people.set('a', 'Ann').set('b', CYRILLIC_ANN).set('d', 'Carl');
    expect(await publish([['c', 'Сarl']], ['b'])).toBe(`101 +c:Сarl! +d:Carl! +a:Ann -b:${CYRILLIC_ANN}`);
  });

  it('are read again after a diff that was missed', async () => {
    people.set('a', 'Ann');
    await publish([['x', 'Xaver']]);
    people.set('b', CYRILLIC_ANN);
    rev += 1;
    expect(await publish([['c', 'Сarl']])).toBe('103 +c:Сarl');
    expect(reads).toBe(2);
    lookAlikes.push(tea, { rev: rev + 2, users: 300, clients: 300 });
    rev += 3;
    expect(await publish([['d', 'Carl']])).toBe('107 +d:Carl! +c:Сarl!');
    expect(reads).toBe(3);
  });

  it('keep the order of a room’s changes while the list is read', async () => {
    people.set('a', 'Ann');
    lookAlikes.push(tea, { event: 'join', user: user('b', 'Ann') });
    lookAlikes.push(tea, { event: 'broadcast_quit', user: user('b', 'Ann') });
    lookAlikes.push(tea, { rev: 100, users: 1, clients: 1 });
    expect(changes).toEqual([]);
    await settled();
    expect(changes).toEqual(['join b:Ann!', 'broadcast_quit b:Ann', '100 count 1']);
  });

  it('are told of without marks while the store is away', async () => {
    away = true;
    expect(
      await publish([
        ['a', 'Ann'],
        ['b', 'Ann'],
      ]),
    ).toBe('101 +a:Ann +b:Ann');
    expect(await listed()).toBe('unavailable');
    away = false;
    expect(await publish([['c', 'Ann']])).toBe('102 +c:Ann! +a:Ann! +b:Ann!');
  });

  it('are forgotten with a room that the worker follows no longer', async () => {
    await publish([['a', 'Ann']]);
    expect(lookAlikes.sizes().kept).toBe(1);
    lookAlikes.forget(tea);
    expect(lookAlikes.sizes().kept).toBe(0);
    // They are read again for the next one who comes.
    await publish([['b', 'Ann']]);
    expect(changes.at(-1)).toBe('102 +b:Ann! +a:Ann!');
  });

  it('are not kept when the worker leaves the room while it reads them', async () => {
    people.set('a', 'Ann');
    lookAlikes.push(tea, { event: 'join', user: user('a', 'Ann') });
    lookAlikes.forget(tea);
    await settled();
    expect(lookAlikes.sizes()).toEqual({ kept: 0, waiting: 0, compared: 0 });
    expect(changes).toEqual([]);
  });

  it('are kept of no more than so many rooms, and of none that everybody has left', async () => {
    people.set('a', 'Ann');
    const rooms = Array.from({ length: 150 }, (_, n) => roomOf('/', `room ${n}`));
    for (const room of rooms) lookAlikes.push(room, { event: 'join', user: user('a', 'Ann') });
    await settled();
    expect(lookAlikes.sizes()).toEqual({ kept: 50, waiting: 0, compared: 0 });
    for (const room of rooms) lookAlikes.push(room, { rev: rev + 1, joins: [], leaves: [user('a', 'Ann')] });
    people.delete('a');
    await settled();
    expect(lookAlikes.sizes()).toEqual({ kept: 0, waiting: 0, compared: 0 });
  });
});
