import type { Histogram } from 'hdr-histogram-js';
import type { Random } from '../random.ts';
import type { Client, ClientDeps } from './client.ts';
import type { Clock } from './clock.ts';
import type { Dialect } from './dialect.ts';
import { createHistogram, type Ledger, record } from './ledger.ts';
import { createMembers, type Members } from './members.ts';
import type { ConnectOrder } from './orders.ts';
import type { PrivateCheck } from './private-messages.ts';
import type { Sources } from './sources.ts';

const RETURN_LEAST_MS = 300;
const RETURN_SPREAD_MS = 1_200;
/** The clients of Socket.IO wait so long for a connection. */
const JOIN_LIMIT_MS = 20_000;
const PACE_MS = 5;
/** A client that is chosen to leave may be away already. After this many tries, none leaves. */
const CHURN_TRIES = 16;

export interface PopulationDeps {
  readonly order: ConnectOrder;
  readonly dialect: Dialect;
  readonly ledger: Ledger;
  readonly buffer: Buffer;
  readonly clock: Clock;
  readonly sources: Sources;
  readonly random: Random;
  readonly privateCheck: PrivateCheck | undefined;
  /** The length of the next text at the common rate. */
  readonly nextTextBytes: () => number;
}

/** The clients of one connect order: they are dialled, come back after a cut, and leave to come again. */
export interface Population {
  readonly members: Members;
  readonly returning: boolean;
  /** Resolves when every client is in, when none is still connecting, or at the limit. */
  connect(): Promise<{ readonly joined: number; readonly tookMs: number; readonly joinUs: Histogram }>;
  /** Dials no further client. */
  stopDialling(): void;
  /** One of the clients leaves, and comes again a little later. */
  churn(): void;
  /** No client comes back any more. */
  close(): void;
}

export function createPopulation(deps: PopulationDeps): Population {
  const { order, ledger, clock, random, privateCheck } = deps;
  const { talk, returning = false, namePrefix = 'u' } = order;
  const waiting: Client[] = [];
  const timers = new Set<NodeJS.Timeout>();
  const everJoined = new Set<Client>();
  const joinUs = createHistogram();
  let mayLeave: readonly Client[] = [];
  let isClosed = false;
  let isStopped = false;
  let onChange: () => void = () => undefined;
  let dialling = 0;
  let lastJoinAt = performance.now();

  const client: ClientDeps = {
    buffer: deps.buffer,
    dialect: deps.dialect,
    ledger,
    clock,
    timedOneIn: talk.timedOneIn,
    sources: deps.sources,
    nameOf: (id) => `${namePrefix}${id}`,
    isIdentified: order.namePrefix !== undefined,
    joinLimitMs: returning ? JOIN_LIMIT_MS : undefined,
    onJoined(joined) {
      const tookUs = clock() - joined.dialledUs;
      record(ledger.joinUs, tookUs);
      record(joinUs, tookUs);
      ledger.joined += 1;
      if (everJoined.has(joined)) return;
      everJoined.add(joined);
      dialling -= 1;
      lastJoinAt = performance.now();
      onChange();
    },
    onGone(gone, reason, wasIn) {
      if (isClosed) return;
      if (!wasIn) ledger.failConnection(reason);
      if (!everJoined.has(gone)) dialling -= 1;
      if (returning && !gone.stalled) comeBack(gone, gone.bye?.afterMs ?? 0);
      else if (!wasIn) ledger.fault(`client ${gone.spec.id}: ${reason}`);
      onChange();
    },
    onInbox: (owner, top) => privateCheck?.begin(owner, top),
    onPrivate: (receiver, message) => privateCheck?.take(receiver, message),
  };
  const members = createMembers({ order, client, nextTextBytes: deps.nextTextBytes });

  function comeBack(away: Client, leastMs: number): void {
    const timer = setTimeout(
      () => {
        timers.delete(timer);
        if (!everJoined.has(away)) dialling += 1;
        away.dial();
      },
      leastMs + RETURN_LEAST_MS + random.fraction() * RETURN_SPREAD_MS,
    );
    timers.add(timer);
  }

  function dial(): void {
    const next = waiting.pop();
    if (next === undefined) return;
    dialling += 1;
    next.dial();
  }

  /** Dials so many per second, if the order says so. Returns what ends it. */
  function startDialling(startedAt: number): () => void {
    const { perSecond } = order;
    const all = waiting.length;
    if (perSecond === undefined) return () => undefined;
    const pace = () => {
      const due = Math.ceil(((performance.now() - startedAt) / 1_000) * perSecond);
      while (all - waiting.length < due && waiting.length > 0) dial();
    };
    pace();
    const pacing = setInterval(pace, PACE_MS);
    return () => clearInterval(pacing);
  }

  async function connect() {
    for (const spec of order.clients) waiting.push(members.create(spec));
    mayLeave = members.clients.filter(({ spec }) => !spec.stays);
    waiting.reverse();
    const all = waiting.length;
    const startedAt = performance.now();
    lastJoinAt = startedAt;
    const stopDialling = startDialling(startedAt);
    await new Promise<void>((resolve) => {
      const limit = setTimeout(resolve, order.limitMs);
      onChange = () => {
        // Without a rate, as many are on their way at once as may be.
        if (order.perSecond === undefined) while (dialling < order.inFlight && waiting.length > 0) dial();
        const isDone = returning ? everJoined.size === all : dialling === 0 && waiting.length === 0;
        if (!isDone && !isClosed && !isStopped) return;
        clearTimeout(limit);
        resolve();
      };
      onChange();
    });
    stopDialling();
    onChange = () => undefined;
    return { joined: everJoined.size, tookMs: lastJoinAt - startedAt, joinUs };
  }

  return {
    members,
    returning,
    connect,
    stopDialling() {
      isStopped = true;
      waiting.length = 0;
      onChange();
    },
    churn() {
      for (let tries = 0; tries < CHURN_TRIES; tries += 1) {
        const chosen = random.one(mayLeave);
        if (!chosen?.joined) continue;
        chosen.leave();
        comeBack(chosen, 0);
        return;
      }
    },
    close() {
      isClosed = true;
      for (const timer of timers) clearTimeout(timer);
      for (const each of members.clients) each.destroy();
      onChange();
    },
  };
}
