import { describe, expect, it } from 'vitest';
import { LARGE_ROOM_CLIENTS, PRESENCE_GRACE_MS, USER_PRESENCE_BURST } from '../../src/protocol/limits.ts';
import type { PresenceCount, PresenceDiff, Reads } from '../../src/protocol/rooms.ts';
import { eventually } from '../support/eventually.ts';
import { systemFixture } from '../support/fixture.ts';
import type { Member } from '../support/member.ts';
import { MODES } from '../support/system.ts';

const REFRESHES = 50;
const [LOOPERS, LOOPS] = [5, 20];

/** What a member heard of who comes and goes, `join ann`, `diff +ann -bob`, `count 2`, in its order. */
function eventsOf({ heard }: Member): string[] {
  return heard.flatMap(({ event, data }) => {
    if (event === 'presence:diff') return [told(data as PresenceDiff)];
    if (event === 'presence:count') return [`count ${(data as PresenceCount).users}`];
    const message = data as { event: string; data: { userId: string } };
    const moved = event === 'message' && message.event !== 'broadcast_say';
    return moved ? [`${message.event} ${message.data.userId}`] : [];
  });
}

function told({ joins, leaves }: PresenceDiff): string {
  const [came, went] = [joins, leaves].map((people) => people.map(({ userId }) => userId).sort());
  return ['diff', ...(came ?? []).map((id) => `+${id}`), ...(went ?? []).map((id) => `-${id}`)].join(' ');
}

function changesOf({ heard }: Member): (PresenceDiff | PresenceCount)[] {
  return heard
    .filter(({ event }) => event.startsWith('presence:'))
    .map(({ data }) => data as PresenceDiff | PresenceCount);
}

describe.each(MODES)('presence events of a room, %s', (mode) => {
  const stage = systemFixture(
    mode,
    { RATE_SAY: '0', RESERVED_NAMES: 'Support' },
    { clientsStay: true, workersEach: 1 },
  );
  const newRoom = () => stage.fresh('room');
  const come = (index: number, roomid: string, userId: string) =>
    stage.enter(stage.at(index), roomid, userId, { auth: { userId } });

  it('are the same on every worker, under numbers that rise by one and that the list of members has', async () => {
    const roomid = newRoom();
    const watchers = [await come(0, roomid, 'w0'), await come(1, roomid, 'w1'), await come(2, roomid, 'w2')];
    const others = await Promise.all(['ann', 'bob', 'carl'].map((userId, n) => come(n, roomid, userId)));
    for (const other of others) await other.do('leave');
    await eventually(() => {
      const [first, ...rest] = watchers.map((watcher) => changesOf(watcher).map(({ rev }) => rev));
      // Each has heard everything since it came.
      for (const revs of rest) expect(first).toEqual(expect.arrayContaining(revs));
      const gone = new Set(watchers.map((watcher) => changesOf(watcher).at(-1)?.rev));
      expect(gone.size).toBe(1);
    });
    await eventually(async () => {
      const { rev, users, members } = await (watchers[2] as Member).do('room:members');
      expect([users, members.map(({ userId }) => userId)]).toEqual([3, ['w0', 'w1', 'w2']]);
      for (const watcher of watchers) expect(changesOf(watcher).at(-1)?.rev).toBe(rev);
    });
    for (const watcher of watchers) {
      const revs = changesOf(watcher).map(({ rev }) => rev);
      expect(revs).toEqual(revs.map((_, index) => (revs[0] ?? 0) + index));
    }
  });

  it(`include nothing of a user who refreshes ${REFRESHES} times`, async () => {
    const roomid = newRoom();
    const watcher = await come(0, roomid, 'watcher');
    let member = await come(1, roomid, 'ann');
    await eventually(() =>
      expect(eventsOf(watcher)).toEqual(expect.arrayContaining(['join ann', 'diff +ann'])),
    );
    const before = eventsOf(watcher);
    for (let n = 1; n <= REFRESHES; n += 1) {
      member.close();
      member = await come(n, roomid, 'ann');
    }
    await member.do('leave');
    const since = () => eventsOf(watcher).slice(before.length).sort();
    await eventually(() => expect(since()).toEqual(['broadcast_quit ann', 'diff -ann']));
  });

  it(`are few for ${LOOPERS} users who join and leave in a loop, on all workers, and end in the true state`, async () => {
    const roomid = newRoom();
    const watchers = [await come(0, roomid, 'w0'), await come(1, roomid, 'w1')];
    const loopers = await Promise.all(Array.from({ length: LOOPERS }, (_, n) => come(n, roomid, `l${n}`)));
    const before = watchers.map((watcher) => changesOf(watcher).length);
    const startedAt = performance.now();
    await Promise.all(
      loopers.map(async (looper) => {
        for (let n = 1; n <= LOOPS; n += 1) {
          await looper.do('leave', { roomid });
          await looper.do('join', { roomid, history: 0 });
        }
        await looper.do('leave', { roomid });
      }),
    );
    const movesOf = (watcher: Member) =>
      loopers.map(({ hello }) =>
        eventsOf(watcher).filter((told) => !told.startsWith('diff') && told.endsWith(` ${hello.user.id}`)),
      );
    await eventually(() => {
      for (const watcher of watchers) {
        for (const moves of movesOf(watcher)) expect(moves.at(-1)).toMatch('broadcast_quit');
      }
    });
    const tookMs = performance.now() - startedAt;
    const each = USER_PRESENCE_BURST + Math.ceil(tookMs / PRESENCE_GRACE_MS);
    for (const [index, watcher] of watchers.entries()) {
      for (const moves of movesOf(watcher)) expect(moves.length).toBeLessThanOrEqual(each);
      const changes = changesOf(watcher).length - (before[index] ?? 0);
      expect(changes).toBeLessThanOrEqual(Math.ceil(tookMs / 1_000) + 1);
    }
  });

  it('mark the members whose names look alike, until one of them has another name', async () => {
    const roomid = newRoom();
    const [ann, bob] = [await come(0, roomid, 'Ann'), await come(1, roomid, 'Bob')];
    const lure = await stage.enter(stage.at(2), roomid, 'Аnn', { auth: { userId: 'lure' } });
    /** The last that each member has heard of each. */
    const marks = ({ heard }: Member) => {
      const diffs = heard.filter(({ event }) => event === 'presence:diff');
      const joins = diffs.flatMap(({ data }) => (data as PresenceDiff).joins);
      return Object.fromEntries(joins.map(({ userId, confusable }) => [userId, confusable]));
    };
    const listed = async (member: Member) => {
      const { members } = await member.do('room:members');
      return Object.fromEntries(members.map(({ userId, confusable }) => [userId, confusable]));
    };
    const path = `${stage.at(1)}/api/v1/rooms/${roomid}/members`;
    const answer = await fetch(path, { headers: stage.system.keyHeader });
    const { members } = (await answer.json()) as Awaited<ReturnType<typeof ann.do<'room:members'>>>;
    expect(members.map(({ userId, confusable }) => [userId, confusable])).toEqual([
      ['Ann', true],
      ['Bob', undefined],
      ['lure', true],
    ]);
    for (const member of [ann, bob, lure]) {
      expect(await listed(member)).toEqual({ Ann: true, Bob: undefined, lure: true });
    }
    for (const member of [ann, bob]) {
      await eventually(() => expect(marks(member)).toMatchObject({ Ann: true, lure: true }));
    }
    await lure.do('join', { username: 'Mia' });
    for (const member of [ann, bob]) {
      await eventually(() => expect(marks(member)).toMatchObject({ Ann: undefined, lure: undefined }));
    }
    expect(await listed(bob)).toEqual({ Ann: undefined, Bob: undefined, lure: undefined });
  });

  it('never name a person by a reserved name', async () => {
    const roomid = newRoom();
    const ann = await come(0, roomid, 'ann');
    const refused = (field: string) => ({
      ok: false,
      error: { code: 'bad_request', message: `${field}: is reserved`, temporary: false },
    });
    expect(await ann.ask('join', { roomid, username: 'SUPPОRT' })).toEqual(refused('username'));
    expect(await ann.ask('textmsg', { name: 'support', content: 'Hi' })).toEqual(refused('name'));
  });

  it('are counts without names in a large room', async () => {
    const roomid = newRoom();
    const watcher = await come(0, roomid, 'watcher');
    const crowd: Member[] = [];
    for (let n = 0; n < LARGE_ROOM_CLIENTS; n += 20) {
      crowd.push(...(await Promise.all(Array.from({ length: 20 }, (_, i) => come(i, roomid, `u${n + i}`)))));
    }
    await eventually(() => expect(eventsOf(watcher)).toContain(`count ${LARGE_ROOM_CLIENTS + 1}`));
    await watcher.do('say', { roomid, text: 'hi' });
    for (const reader of crowd.slice(0, 2)) await reader.do('room:read', { roomid, seq: 1 });
    const readsOf = ({ heard }: Member) =>
      heard.filter(({ event }) => event === 'reads').map(({ data }) => data as Reads);
    // The author has read the message, too.
    for (const member of [watcher, crowd[1] as Member])
      await eventually(() => expect(readsOf(member).at(-1)).toEqual({ roomid, count: { seq: 1, users: 3 } }));
    const before = eventsOf(watcher).length;
    const late = await come(1, roomid, 'late');
    await eventually(() => expect(eventsOf(watcher)).toContain(`count ${LARGE_ROOM_CLIENTS + 2}`));
    await late.do('leave');
    await eventually(() => expect(eventsOf(watcher).at(-1)).toBe(`count ${LARGE_ROOM_CLIENTS + 1}`));
    expect(eventsOf(watcher).slice(before)).toEqual([
      `count ${LARGE_ROOM_CLIENTS + 2}`,
      `count ${LARGE_ROOM_CLIENTS + 1}`,
    ]);
    expect(readsOf(late)).toEqual([]);
    // Names come again with a number left out: who keeps a list asks for it.
    const { rev } = changesOf(watcher).at(-1) as PresenceCount;
    for (const member of crowd.slice(0, 2)) await member.do('leave');
    await eventually(() => {
      const diff = changesOf(watcher).at(-1);
      expect(diff && 'leaves' in diff).toBe(true);
      expect(diff?.rev).toBeGreaterThan(rev + 1);
    });
  });

  it.runIf(mode === 'cluster')('show a jump of rev if some were lost with the bus', async () => {
    const roomid = newRoom();
    const watcher = await come(0, roomid, 'watcher');
    const far = await come(1, roomid, 'far');
    await eventually(() => expect(eventsOf(watcher)).toContain('diff +far'));
    const known = changesOf(watcher).at(-1)?.rev ?? 0;
    // Of the watcher's host alone: others go on hearing, and it is told what it has missed.
    await eventually(
      async () => {
        const leaving = far.ask('leave');
        await stage.system.redis?.ask('CLIENT KILL TYPE pubsub');
        await leaving;
        await far.do('join', { roomid });
        expect(changesOf(watcher).some((change) => 'users' in change && change.rev > known)).toBe(true);
      },
      { interval: 300 },
    );
  });
});
