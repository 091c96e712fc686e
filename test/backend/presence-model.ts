import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect } from 'vitest';
import { inboxOf, type Room } from '../../src/chat/room.ts';
import {
  type PresenceChange,
  ROSTER_HEARTBEAT_MS,
  ROSTER_LEASE_MS,
  type RosterEntry,
} from '../../src/chat/roster.ts';
import { granted } from '../contract/peers.ts';
import type { Harness } from '../contract/suite.ts';
import { eventually } from '../support/eventually.ts';
import { createPresenceChecks, requireStore, WATCHER } from './presence-checks.ts';
import { createPresenceWorld, firstHeartbeat, LOST, type Member, type Worker } from './presence-world.ts';

/** One step of a run; numbers choose among what there is at that moment. */
export type Step =
  | { readonly does: 'join'; readonly worker: number; readonly user: number; readonly room: number }
  | { readonly does: 'leave' | 'cut'; readonly member: number }
  | { readonly does: 'refresh'; readonly member: number; readonly worker: number }
  | { readonly does: 'killWorker' | 'killHost' | 'freeze'; readonly worker: number }
  | { readonly does: 'reap'; readonly worker: number }
  | { readonly does: 'lateWrite'; readonly dead: number; readonly room: number }
  | { readonly does: 'mute' | 'ban' | 'lift'; readonly user: number; readonly room: number };

const HOSTS = 2;
const WORKERS_PER_HOST = 2;
/** One of so many answers about a join, a departure or a reap is lost. */
const LOST_EVERY = 4;
/** In one, departures run into all else; in the other nobody needs as long for a refresh, but on a very busy machine. */
export const GRACES_MS = [15, 300] as const;
const SETTLED = { interval: 10 };

export type PresenceRun = Awaited<ReturnType<typeof openPresenceRun>>;

/** Real rosters and presences of several workers, beside what should be true of them. */
export async function openPresenceRun(store: Harness, graceMs: number) {
  const world = createPresenceWorld(store, graceMs);
  const { rooms, users, members, banned, muted, ledger, losing, pair, clock, state, openWorker } = world;
  const { elapsedMs } = clock;
  const { came, went, mayGo } = ledger;
  const { neverNegative, neverBack, registry, truth, restrictionsHold, toldTruth } =
    createPresenceChecks(world);
  /** Lost, and perhaps not gone yet. */
  const lingering = new Set<Member>();
  const dead: Worker[] = [];
  const unreaped = new Set<Worker>();
  /** When the first reap of each began, by `elapsedMs`. */
  const reapedAtMs = new Map<Worker, number>();
  /** Nobody is left on their host to say that they died. */
  const hostless = new Set<Worker>();
  const underWay = new Set<Promise<void>>();
  /** The workers that have had the user in the room, by room and user. */
  const placed = new Map<string, Set<Worker>>();
  /** The first of a step, which may end while nobody waits for it. */
  let failure: { readonly error: unknown } | undefined;

  const pick = <T>(all: readonly T[], index: number): T | undefined => all[index % Math.max(1, all.length)];

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
    state.workers = state.workers.filter((worker) => !dying.includes(worker));
    state.workers.push(...(await Promise.all(dying.map(({ host }) => openWorker(host)))));
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
      const reapers = [by, ...state.workers.filter(({ host }) => host !== one.host)];
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
    const peers = state.workers.filter((worker) => worker !== silent).map(({ peer }) => peer);
    for (const { roster } of [observer, ...peers]) granted(await roster.heartbeat(0));
  }

  /** Lets a lease pass, in which only this worker sends no heartbeat. */
  async function passLeaseOf(worker: Worker): Promise<void> {
    await heartbeatAll();
    for (let passedMs = 0; passedMs < ROSTER_LEASE_MS; passedMs += ROSTER_HEARTBEAT_MS) {
      clock.skippedMs += ROSTER_HEARTBEAT_MS;
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
    await firstHeartbeat(roster);
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
          pick(state.workers, step.worker),
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
        const [member, worker] = [pick(members, step.member), pick(state.workers, step.worker)];
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
        const victim = pick(state.workers, step.worker);
        if (!victim) return;
        const dying =
          step.does === 'killWorker' ? [victim] : state.workers.filter(({ host }) => host === victim.host);
        // Where a host is the whole cluster, its death ends the registry, too.
        if (step.does === 'killHost' && store.endLease) for (const worker of dying) hostless.add(worker);
        await kill(dying);
        return;
      }
      case 'freeze': {
        const [victim, by] = [pick(state.workers, step.worker), pick(state.workers, step.worker + 1)];
        if (victim && by) await freeze(victim, by);
        return;
      }
      case 'reap': {
        const by = pick(state.workers, step.worker);
        if (by && step.worker % LOST_EVERY === 0) by.loseAnswer();
        if (by) await reap(by);
        return;
      }
      case 'lateWrite': {
        const [writer, room] = [pick(dead, step.dead), pick(rooms, step.room)];
        if (!writer || !room) return;
        const late = { userId: `late ${randomUUID()}`, username: 'Late' };
        await writer.peer.roster.enter(room, late, 1, 1);
        await writer.peer.roster.setConnections(inboxOf('/', late.userId), 1);
        const silentMs = elapsedMs() - (reapedAtMs.get(writer) ?? Number.NEGATIVE_INFINITY);
        // Nothing is on its way for as long as a lease.
        if (!unreaped.has(writer) && silentMs < ROSTER_LEASE_MS) await neverBack(room, late);
        unreaped.add(writer);
        return;
      }
      default: {
        const [user, room, worker] = [pick(users, step.user), pick(rooms, step.room), state.workers[0]];
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
    state.storeWasAway = true;
  });
  for (let host = 0; host < HOSTS; host += 1) {
    for (let n = 0; n < WORKERS_PER_HOST; n += 1) state.workers.push(await openWorker(host));
  }
  return {
    run,
    neverNegative,
    /** The machine stood still for longer than a call to the store may take: the run says nothing. */
    storeWasAway: () => state.storeWasAway,
    /** Everything comes to rest: graces end, the dead are reaped, and then all of it is as the model has it. */
    async settle(): Promise<void> {
      await settleSteps();
      await reap(state.workers[0] as Worker);
      for (const { peer } of state.workers) {
        await eventually(async () => {
          await heartbeatAll();
          expect(await registry(peer)).toEqual(truth());
        }, SETTLED);
      }
      await eventually(() => toldTruth(heard), SETTLED);
      await restrictionsHold();
    },
    async close(): Promise<void> {
      await endSteps();
      for (const { presence } of state.workers) presence.close();
      await Promise.all(
        [observer, ...[...state.workers, ...dead].map(({ peer }) => peer)].map((peer) => peer.close()),
      );
    },
  };
}
