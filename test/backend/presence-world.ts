import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { createPresence, type Presence } from '../../src/chat/presence.ts';
import type { Room } from '../../src/chat/room.ts';
import { ROSTER_LEASE_MS, type Roster, type RosterEntry } from '../../src/chat/roster.ts';
import { type Outcome, refuse } from '../../src/protocol/codes.ts';
import { createConnectionCounts } from '../../src/server/users/connection-counts.ts';
import { granted, newRoom } from '../contract/peers.ts';
import type { Harness, Peer } from '../contract/suite.ts';
import { createPresenceLedger } from './presence-ledger.ts';

const USERS = 6;
const ROOMS = 3;
const HEARTBEAT_TRIES = 5;

export interface Worker {
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
export interface Member {
  worker: Worker;
  readonly user: RosterEntry;
  readonly room: Room;
}

function neverCalled(): never {
  throw new Error('the roster announces departures itself');
}

/** Nothing has happened yet that a store that is away for a moment could spoil. */
export async function firstHeartbeat(roster: Roster): Promise<void> {
  let last = await roster.heartbeat(0);
  for (let tries = 1; !last.ok && tries < HEARTBEAT_TRIES; tries += 1) last = await roster.heartbeat(0);
  granted(last);
}

export const LOST: Outcome<never> = refuse('unavailable', 'the store did it, and its answer is lost');

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

/** The rooms, users and workers of one run, and what the model knows of them. */
export interface PresenceWorld extends ReturnType<typeof createPresenceWorld> {}

export function createPresenceWorld(store: Harness, graceMs: number) {
  const prefix = randomUUID().slice(0, 8);
  const log = pino({ level: 'silent' });
  const ledger = createPresenceLedger();
  /** The kinds of calls whose answer gets lost, of those that follow from the one which runs in it. */
  const losing = new AsyncLocalStorage<Set<'enter'>>();
  const pair = (room: Room, { userId }: RosterEntry) => `${room.tag} ${userId}`;
  const clock = {
    skippedMs: 0,
    /** The monotonic clock of all workers: the registry relies on none being ahead of the others. */
    elapsedMs: () => performance.now() + clock.skippedMs,
  };
  const state = {
    workers: [] as Worker[],
    /** The machine stood still for longer than a call to the store may take. */
    storeWasAway: false,
  };

  async function openWorker(host: number): Promise<Worker> {
    let silentMs = 0;
    const peer = await store.open({ elapsedMs: () => clock.elapsedMs() + silentMs });
    let answersToLose = 0;
    const onAway = () => {
      state.storeWasAway = true;
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
    roster.onReturn(ledger.came);
    await firstHeartbeat(roster);
    const presence = createPresence({ roster, onJoin: ledger.came, onQuit: neverCalled, log, graceMs });
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

  return {
    rooms: Array.from({ length: ROOMS }, () => newRoom()),
    users: Array.from({ length: USERS }, (_, n) => ({ userId: `${prefix} ${n}`, username: `User ${n}` })),
    ledger,
    losing,
    pair,
    clock,
    state,
    members: [] as Member[],
    banned: new Set<string>(),
    muted: new Set<string>(),
    openWorker,
  };
}
