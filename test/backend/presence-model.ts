import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { pino } from 'pino';
import { expect } from 'vitest';
import { createPresence, type Presence } from '../../src/chat/presence.ts';
import { inboxOf, type Room } from '../../src/chat/room.ts';
import {
  type PresenceChange,
  ROSTER_HEARTBEAT_MS,
  ROSTER_LEASE_MS,
  type Roster,
  type RosterEntry,
} from '../../src/chat/roster.ts';
import { type Outcome, refuse } from '../../src/protocol/codes.ts';
import { createConnectionCounts } from '../../src/server/users/connection-counts.ts';
import { draftOf, granted, newRoom } from '../contract/peers.ts';
import type { Harness, Peer } from '../contract/suite.ts';
import { eventually } from '../support/eventually.ts';
import { createPresenceLedger, toldList } from './presence-ledger.ts';

/** One step of a run; numbers choose among what there is at that moment. */
const HEARTBEAT_TRIES = 5;

export type Step =
  | { readonly does: 'join'; readonly worker: number; readonly user: number; readonly room: number }
  | { readonly does: 'leave' | 'cut'; readonly member: number }
  | { readonly does: 'refresh'; readonly member: number; readonly worker: number }
  | { readonly does: 'killWorker' | 'killHost' | 'freeze'; readonly worker: number }
  | { readonly does: 'reap'; readonly worker: number }
  | { readonly does: 'lateWord'; readonly dead: number; readonly room: number }
  | { readonly does: 'mute' | 'ban' | 'lift'; readonly user: number; readonly room: number };

const HOSTS = 2;
const WORKERS_PER_HOST = 2;
const USERS = 6;
const ROOMS = 3;
/** One of so many answers about a join, a departure or a reap is lost. */
const LOST_EVERY = 4;
/** In one, departures run into all else; in the other nobody needs as long for a refresh, but on a very busy machine. */
export const GRACES_MS = [15, 300] as const;
const SETTLED = { interval: 10 };
/** Who lives is read once a second. */
const KNOWN = { interval: 20 };
/** In every room all the time, on a worker that stays: what it is told is what a member is told. */
const WATCHER = { userId: 'watcher', username: 'Watcher' };

interface Worker {
  readonly peer: Peer;
  readonly host: number;
  readonly presence: Presence;
  readonly connections: ReturnType<typeof createConnectionCounts>;
  /** The store carries out the next departure that it reports, and the worker does not hear of it. */
  loseAnswer(): void;
  /** Its own clock shows that its lease is over. */
  passLease(): void;
}

/** A connection in one room, as the model has it. */
interface Member {
  worker: Worker;
  readonly user: RosterEntry;
  readonly room: Room;
}

function neverCalled(): never {
  throw new Error('the roster announces departures itself');
}

function requireStore(outcome: Outcome<unknown>): void {
  if (!outcome.ok && outcome.error.code === 'unavailable') granted(outcome);
}

const LOST: Outcome<never> = refuse('unavailable', 'the store did it, and its answer is lost');

/** Notices a store that is away, also in what presence asks. `loses` tells whether the answer to a call gets lost. */
function noticing(
  roster: Roster,
  notice: () => void,
  loses: (name: PropertyKey, args: readonly unknown[]) => boolean,
): Roster {
  return new Proxy(roster, {
    get(target, name) {
      const member = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      return (...args: unknown[]) => {
        const asked = member.apply(target, args);
        if (asked instanceof Promise) {
          asked.then((outcome: Outcome<unknown>) => {
            if (!outcome.ok && outcome.error.code === 'unavailable') notice();
          }, notice);
          if (loses(name, args)) return asked.then(() => LOST);
        }
        return asked;
      };
    },
  });
}

export type PresenceRun = Awaited<ReturnType<typeof openPresenceRun>>;

/** Real rosters and presences of several workers, beside what should be true of them. */
export async function openPresenceRun(store: Harness, graceMs: number) {
  const rooms = Array.from({ length: ROOMS }, () => newRoom());
  const prefix = randomUUID().slice(0, 8);
  const users = Array.from({ length: USERS }, (_, n) => ({
    userId: `${prefix} ${n}`,
    username: `User ${n}`,
  }));
  const log = pino({ level: 'silent' });
  const ledger = createPresenceLedger();
  const { came, went, mayGo } = ledger;
  const members: Member[] = [];
  /** Lost, and perhaps not gone yet. */
  const lingering = new Set<Member>();
  const banned = new Set<string>();
  const muted = new Set<string>();
  const dead: Worker[] = [];
  const unreaped = new Set<Worker>();
  /** When the first reap of each began, by `elapsedMs`. */
  const reapedAtMs = new Map<Worker, number>();
  /** Nobody is left on their host to say that they died. */
  const hostless = new Set<Worker>();
  const underWay = new Set<Promise<void>>();
  /** What gets lost of the calls that follow from the one which runs in it. */
  const losing = new AsyncLocalStorage<Set<'enter'>>();
  /** The workers that have had the user in the room, by room and user. */
  const placed = new Map<string, Set<Worker>>();
  /** The first of a step, which may end while nobody waits for it. */
  let failure: { readonly error: unknown } | undefined;
  let workers: Worker[] = [];
  let storeWasAway = false;
  let skippedMs = 0;
  /** The monotonic clock of all workers: the registry relies on none being ahead of the others. */
  const elapsedMs = () => performance.now() + skippedMs;

  const pick = <T>(all: readonly T[], index: number): T | undefined => all[index % Math.max(1, all.length)];
  const pair = (room: Room, { userId }: RosterEntry) => `${room.tag} ${userId}`;

  async function openWorker(host: number): Promise<Worker> {
    let silentMs = 0;
    const peer = await store.open({ elapsedMs: () => elapsedMs() + silentMs });
    let answersToLose = 0;
    const onAway = () => {
      storeWasAway = true;
    };
    /** The answer about their departure is missing. If one about a join were lost, too, nobody would know what the room was told. */
    const doubtful = new Set<string>();
    const roster = noticing(peer.roster, onAway, (name, args) => {
      if (name === 'reap') return answersToLose > 0 && answersToLose-- > 0;
      if (name !== 'enter' && name !== 'exit') return false;
      const [room, who] = args as [Room, RosterEntry | string];
      const key = pair(room, typeof who === 'string' ? { userId: who, username: '' } : who);
      if (name === 'enter') {
        const loses = losing.getStore()?.delete('enter') === true && !doubtful.has(key);
        if (!loses) doubtful.delete(key);
        return loses;
      }
      const loses = answersToLose > 0 && answersToLose-- > 0;
      if (loses) doubtful.add(key);
      else doubtful.delete(key);
      return loses;
    });
    roster.onReturn(came);
    let lastHeartbeat = await roster.heartbeat(0);
    // Nothing has happened yet that a store that is away for a moment could spoil.
    for (let tries = 1; !lastHeartbeat.ok && tries < HEARTBEAT_TRIES; tries += 1)
      lastHeartbeat = await roster.heartbeat(0);
    granted(lastHeartbeat);
    const presence = createPresence({ roster, onJoin: came, onQuit: neverCalled, log, graceMs });
    return {
      peer,
      host,
      presence,
      connections: createConnectionCounts({ roster, log }),
      loseAnswer() {
        answersToLose += 1;
      },
      passLease() {
        silentMs += ROSTER_LEASE_MS;
      },
    };
  }

  async function enter(worker: Worker, user: RosterEntry, room: Room): Promise<boolean> {
    const entered = await worker.presence.enter(room, user);
    requireStore(entered);
    expect(entered.ok ? 'in' : entered.error.code).toBe(banned.has(pair(room, user)) ? 'forbidden' : 'in');
    if (entered.ok) entered.value.announce();
    return entered.ok;
  }

  function gone(member: Member, why: 'asked' | 'lost'): void {
    members.splice(members.indexOf(member), 1);
    void member.worker.connections.decrement(inboxOf('/', member.user.userId));
    void member.worker.presence.leave(member.room, member.user.userId, why);
    if (why === 'asked') return;
    lingering.add(member);
    setTimeout(() => lingering.delete(member), 2 * graceMs);
  }

  /** Returns false if the answer arrived all the same: then the connection is in. */
  async function enterUnheard(worker: Worker, user: RosterEntry, room: Room): Promise<boolean> {
    const entered = await losing.run(new Set(['enter']), () => worker.presence.enter(room, user));
    if (entered.ok) {
      entered.value.announce();
      return false;
    }
    if (entered !== LOST) requireStore(entered);
    expect(entered).toBe(LOST);
    // If they lingered here, they are gone at once.
    mayGo([{ room, user }]);
    const elsewhere = [...(placed.get(pair(room, user)) ?? [])].some((other) => other !== worker);
    if (elsewhere) ledger.mayComeAgain(room, user);
    return true;
  }

  /** `chance` decides whether the first try of a client is in vain, and when it tries again. */
  async function join(worker: Worker, user: RosterEntry, room: Room, chance: number): Promise<void> {
    // Nobody is told of a connection that is not let in; but it is there.
    if (banned.has(pair(room, user))) {
      expect(await enter(worker, user, room)).toBe(false);
      return;
    }
    const key = pair(room, user);
    placed.set(key, (placed.get(key) ?? new Set()).add(worker));
    const isIn = chance % LOST_EVERY === 0 && !(await enterUnheard(worker, user, room));
    if (chance % (2 * LOST_EVERY) === 0) await nextTurn();
    members.push({ worker, user, room });
    const increased = worker.connections.increment(inboxOf('/', user.userId));
    await Promise.all([increased, isIn || enter(worker, user, room)]);
  }

  async function kill(dying: readonly Worker[]): Promise<void> {
    for (const worker of dying) {
      worker.presence.close();
      worker.passLease();
      mayGo(members.filter((member) => member.worker === worker));
      for (const member of [...members])
        if (member.worker === worker) members.splice(members.indexOf(member), 1);
      dead.push(worker);
      unreaped.add(worker);
    }
    workers = workers.filter((worker) => !dying.includes(worker));
    workers.push(...(await Promise.all(dying.map(({ host }) => openWorker(host)))));
  }

  /** The primary of a dead worker does it by one of its others; of a dead host all other hosts do it at once. */
  async function reap(by: Worker): Promise<void> {
    for (const one of unreaped) {
      const { instanceId } = one.peer;
      // A second reap may be the last: a word that comes after it, a lease after the first, is listed again.
      if (!reapedAtMs.has(one)) reapedAtMs.set(one, elapsedMs());
      if (!hostless.has(one)) {
        granted(await by.peer.roster.fence(instanceId));
        await by.presence.reap(instanceId);
        continue;
      }
      await store.endLease?.(instanceId);
      const reapers = [by, ...workers.filter(({ host }) => host !== one.host)];
      await Promise.all(
        reapers.map(async ({ peer, presence }) => {
          const expired = granted(await peer.roster.expired());
          if (expired.includes(instanceId)) await presence.reap(instanceId);
        }),
      );
    }
    unreaped.clear();
  }

  /** A slow run takes longer than a lease. */
  async function heartbeatAll(silent?: Worker): Promise<void> {
    const peers = workers.filter((worker) => worker !== silent).map(({ peer }) => peer);
    for (const { roster } of [observer, ...peers]) granted(await roster.heartbeat(0));
  }

  /** Lets a lease pass, in which only this worker sends no heartbeat. */
  async function passLeaseOf(worker: Worker): Promise<void> {
    await heartbeatAll();
    for (let passedMs = 0; passedMs < ROSTER_LEASE_MS; passedMs += ROSTER_HEARTBEAT_MS) {
      skippedMs += ROSTER_HEARTBEAT_MS;
      await heartbeatAll(worker);
    }
  }

  /** Sends no heartbeats until it is reaped, though it lives and serves on. */
  async function freeze(worker: Worker, by: Worker): Promise<void> {
    await reap(by);
    const { instanceId, roster } = worker.peer;
    // Whose link was lost just now comes back with it, and goes when their time is over.
    mayGo([...members, ...lingering].filter((member) => member.worker === worker));
    await passLeaseOf(worker);
    if (store.endLease) expect(granted(await by.peer.roster.expired())).toContain(instanceId);
    await by.presence.reap(instanceId);
    let lastHeartbeat = await roster.heartbeat(0);
    // Nothing has happened yet that a store that is away for a moment could spoil.
    for (let tries = 1; !lastHeartbeat.ok && tries < HEARTBEAT_TRIES; tries += 1)
      lastHeartbeat = await roster.heartbeat(0);
    granted(lastHeartbeat);
    await eventually(async () => {
      await heartbeatAll();
      for (const room of rooms) {
        const here = members.filter((member) => member.room === room).length;
        expect(granted(await by.peer.roster.count(room)).clients).toBe(here + 1);
      }
    }, SETTLED);
  }

  async function endSteps(): Promise<void> {
    while (underWay.size > 0) await Promise.all(underWay);
  }

  async function settleSteps(): Promise<void> {
    await endSteps();
    if (failure) throw failure.error;
  }

  async function carryOut(step: Step): Promise<void> {
    switch (step.does) {
      case 'join': {
        const [worker, user, room] = [
          pick(workers, step.worker),
          pick(users, step.user),
          pick(rooms, step.room),
        ];
        if (worker && user && room) await join(worker, user, room, step.user + step.room);
        return;
      }
      case 'leave':
      case 'cut': {
        const member = pick(members, step.member);
        if (!member) return;
        if (step.member % LOST_EVERY === 0) member.worker.loseAnswer();
        mayGo([member]);
        gone(member, step.does === 'leave' ? 'asked' : 'lost');
        return;
      }
      case 'refresh': {
        const [member, worker] = [pick(members, step.member), pick(workers, step.worker)];
        if (!member || !worker) return;
        // Timers of one length end in the order in which they began: it ends before the timer of the departure does.
        let graceIsOver = false;
        const timer = setTimeout(() => {
          graceIsOver = true;
        }, graceMs);
        gone(member, 'lost');
        await join(worker, member.user, member.room, step.member + step.worker);
        clearTimeout(timer);
        if (graceIsOver) mayGo([member]);
        return;
      }
      case 'killWorker':
      case 'killHost': {
        const victim = pick(workers, step.worker);
        if (!victim) return;
        const dying =
          step.does === 'killWorker' ? [victim] : workers.filter(({ host }) => host === victim.host);
        // Where a host is the whole cluster, its death ends the registry, too.
        if (step.does === 'killHost' && store.endLease) for (const worker of dying) hostless.add(worker);
        await kill(dying);
        return;
      }
      case 'freeze': {
        const [victim, by] = [pick(workers, step.worker), pick(workers, step.worker + 1)];
        if (victim && by) await freeze(victim, by);
        return;
      }
      case 'reap': {
        const by = pick(workers, step.worker);
        if (by && step.worker % LOST_EVERY === 0) by.loseAnswer();
        if (by) await reap(by);
        return;
      }
      case 'lateWord': {
        const [speaker, room] = [pick(dead, step.dead), pick(rooms, step.room)];
        if (!speaker || !room) return;
        const late = { userId: `late ${randomUUID()}`, username: 'Late' };
        await speaker.peer.roster.enter(room, late, 1, 1);
        await speaker.peer.roster.setConnections(inboxOf('/', late.userId), 1);
        const silentMs = elapsedMs() - (reapedAtMs.get(speaker) ?? Number.NEGATIVE_INFINITY);
        // Nothing is on its way for as long as a lease.
        if (!unreaped.has(speaker) && silentMs < ROSTER_LEASE_MS) await neverBack(room, late);
        unreaped.add(speaker);
        return;
      }
      default: {
        const [user, room, worker] = [pick(users, step.user), pick(rooms, step.room), workers[0]];
        if (!user || !room || !worker) return;
        const { moderation } = worker.peer;
        if (step.does === 'lift') {
          for (const kind of ['ban', 'mute'] as const)
            granted(await moderation.lift(room, user.userId, kind));
          banned.delete(pair(room, user));
          muted.delete(pair(room, user));
          return;
        }
        granted(await moderation.restrict(room, user.userId, step.does));
        (step.does === 'mute' ? muted : banned).add(pair(room, user));
        if (step.does === 'mute') return;
        for (const member of [...members]) {
          if (member.room !== room || member.user !== user) continue;
          mayGo([member]);
          gone(member, 'asked');
        }
      }
    }
  }

  /** Joins, leaves, cuts and refreshes run into one another; the others wait until those are through. */
  async function run(step: Step): Promise<void> {
    const alone = !['join', 'leave', 'cut', 'refresh'].includes(step.does);
    if (alone) await settleSteps();
    const running: Promise<void> = carryOut(step)
      .catch((error) => {
        failure ??= { error };
      })
      .finally(() => underWay.delete(running));
    underWay.add(running);
    if (alone || underWay.size > 3) await settleSteps();
  }

  async function neverNegative(): Promise<void> {
    for (const room of rooms) {
      const counted = granted(await (workers[0] as Worker).peer.roster.count(room));
      expect(Math.min(counted.users, counted.clients)).toBeGreaterThanOrEqual(0);
    }
  }

  /** Of whom a dead worker brings after its reap nobody is told that they are there. */
  async function neverBack(room: Room, { userId }: RosterEntry): Promise<void> {
    const { roster } = (workers[0] as Worker).peer;
    await eventually(async () => {
      expect(granted(await roster.connections([inboxOf('/', userId)]))).toEqual([0]);
      const { members: listed } = granted(await roster.members(room, { limit: 100 }));
      expect(listed.map((one) => one.userId)).not.toContain(userId);
    }, KNOWN);
  }

  /** What the registry says of everything, in the shape of `truth`. */
  async function registry(peer: Peer) {
    const found = await Promise.all(
      rooms.map(async (room) => {
        const [count, listed] = await Promise.all([
          peer.roster.count(room),
          peer.roster.members(room, { limit: 100 }),
        ]);
        const { users: present, clients } = granted(count);
        const list = granted(listed).members.map((one) => `${one.userId} ${one.clients} ${one.state}`);
        return { users: present, clients, members: list.sort() };
      }),
    );
    const connections = granted(
      await peer.roster.connections(users.map(({ userId }) => inboxOf('/', userId))),
    );
    return { rooms: found, connections };
  }

  function truth() {
    const found = rooms.map((room) => {
      const here = members.filter((member) => member.room === room);
      const present = users.filter((user) => here.some((member) => member.user === user));
      const list = present.map((user) => {
        const clients = here.filter((member) => member.user === user).length;
        return `${user.userId} ${clients} online`;
      });
      list.push(`${WATCHER.userId} 1 online`);
      return { users: present.length + 1, clients: here.length + 1, members: list.sort() };
    });
    const connections = users.map((user) => members.filter((member) => member.user === user).length);
    return { rooms: found, connections };
  }

  /** What the store lets somebody say is what the restrictions are. */
  async function restrictionsHold(): Promise<void> {
    const { moderation, logs } = (workers[0] as Worker).peer;
    for (const room of rooms) {
      for (const user of users) {
        const [isBanned, isMuted] = [banned.has(pair(room, user)), muted.has(pair(room, user))];
        expect(granted(await moderation.restrictions(room, user.userId))).toEqual({
          ...(isBanned ? { ban: {} } : {}),
          ...(isMuted ? { mute: {} } : {}),
        });
        const said = await logs.append(room, { ...draftOf(room, 'x'), author: user.userId });
        requireStore(said);
        expect(said.ok ? 'said' : said.error.code).toBe(isBanned || isMuted ? 'forbidden' : 'said');
      }
    }
  }

  const observer = await store.open({ elapsedMs });
  await eventually(async () => granted(await observer.roster.heartbeat(rooms.length)));
  const heard = new Map<Room, PresenceChange[]>();
  for (const room of rooms) {
    const changes: PresenceChange[] = [];
    heard.set(room, changes);
    // A busy machine may not have connected yet.
    await eventually(async () =>
      granted(
        await observer.bus.subscribe(
          room,
          () => undefined,
          (told) => {
            if ('event' in told) (told.event === 'join' ? came : went)(room, told.user);
            else changes.push(told);
          },
        ),
      ),
    );
    granted(await observer.roster.enter(room, WATCHER, 1, 1));
  }
  // A publication meanwhile is lost, and shows as a jump of `rev`.
  observer.bus.onResync(() => {
    storeWasAway = true;
  });
  for (let host = 0; host < HOSTS; host += 1) {
    for (let n = 0; n < WORKERS_PER_HOST; n += 1) workers.push(await openWorker(host));
  }
  return {
    run,
    neverNegative,
    /** The machine stood still for longer than a call to the store may take: the run says nothing. */
    storeWasAway: () => storeWasAway,
    /** Everything comes to rest: graces end, the dead are reaped, and then all of it is as the model has it. */
    async settle(): Promise<void> {
      await settleSteps();
      await reap(workers[0] as Worker);
      for (const { peer } of workers) {
        await eventually(async () => {
          await heartbeatAll();
          expect(await registry(peer)).toEqual(truth());
        }, SETTLED);
      }
      await eventually(() => {
        for (const room of rooms) {
          for (const user of users) {
            const present = members.some((member) => member.room === room && member.user === user);
            ledger.expectTrue(room, user, present);
          }
          const there = members.filter((member) => member.room === room).map(({ user }) => user.userId);
          expect(toldList(heard.get(room) ?? [])).toEqual([...new Set([...there, WATCHER.userId])].sort());
        }
      }, SETTLED);
      await restrictionsHold();
    },
    async close(): Promise<void> {
      await endSteps();
      for (const { presence } of workers) presence.close();
      await Promise.all(
        [observer, ...[...workers, ...dead].map(({ peer }) => peer)].map((peer) => peer.close()),
      );
    },
  };
}
