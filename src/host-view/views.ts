import type { Logger } from 'pino';
import type { MetricObject } from 'prom-client';
import { CHAT_MESSAGES } from '../chat-messages.ts';
import { ADMIN_ANSWER_MS, withinLimit } from '../cluster/answer-limit.ts';
import type { ClusterCounts } from '../cluster/host-metrics.ts';
import type { Supervisor } from '../cluster/supervisor.ts';
import type { Outcome } from '../protocol/codes.ts';
import type { EventLog } from './event-log.ts';
import { createPoints, POINT_MS } from './points.ts';
import { mergeRooms } from './rooms.ts';
import { totalsOf } from './totals.ts';
import type { HostView, RoomsView, StoreView } from './view.ts';

export interface HostViewsDeps {
  readonly host: string;
  readonly primary: HostView['primary'];
  readonly storeKind: StoreView['kind'];
  readonly workers: Pick<Supervisor, 'status' | 'ready' | 'withClients'>;
  /** The totals of all workers, those that have ended included. */
  readonly totals: () => Promise<readonly MetricObject[]>;
  readonly store: {
    recentOverview(): Promise<Outcome<ClusterCounts>>;
    hosts(): Promise<Outcome<HostView['hosts']>>;
    check(): Promise<Outcome<void>>;
    awayServers(): readonly string[];
    readonly warnings: readonly string[];
  };
  readonly events: EventLog;
  /** Ms since 1970. */
  readonly now: () => number;
  /** A clock that only rises, ms. */
  readonly elapsedMs: () => number;
  readonly log: Logger;
}

/**
 * Makes the content of the operator's page. The numbers of the charts come from what the workers report anyway, so they are there when
 * somebody begins to look. The store and the workers' rooms are asked only while somebody looks, and at most every five
 * seconds, however many look.
 */
export interface HostViews {
  /** Begins to collect. */
  open(): void;
  /** Waits no longer than a page of the admin port may. */
  view(): Promise<HostView>;
  close(): void;
}

const ASKED_AGAIN_MS = 5_000;

interface Answers {
  readonly cluster: HostView['cluster'];
  readonly hosts: HostView['hosts'];
  readonly store: Pick<StoreView, 'up' | 'checkMs' | 'error'>;
  readonly rooms: RoomsView;
  /** Releases of workers by process. */
  readonly versions: ReadonlyMap<number, string>;
}

export function createHostViews(deps: HostViewsDeps): HostViews {
  const { workers, store, events, now, elapsedMs } = deps;
  const points = createPoints();
  let timer: NodeJS.Timeout | undefined;
  let asked: { readonly atMs: number; readonly answers: Promise<Answers> } | undefined;

  async function collect(): Promise<void> {
    const totals = totalsOf(await deps.totals(), deps.storeKind);
    const rows = workers.status();
    points.add({
      at: now(),
      elapsedMs: elapsedMs(),
      totals,
      clients: rows.reduce((sum, { clients }) => sum + clients, 0),
      loopDelayMs: Math.max(0, ...rows.map(({ loopDelayMs }) => loopDelayMs)),
    });
    events.onDegraded(await problems());
  }

  function collectOrLog(): void {
    collect().catch((error: unknown) => deps.log.error({ err: error }, 'the numbers of a moment are lost'));
  }

  /** Workers know without a question to the store whether it and the bus work. */
  async function problems(): Promise<string[]> {
    const answers = await Promise.all(
      workers.ready().map((worker) => worker.request(CHAT_MESSAGES.readiness, null, ADMIN_ANSWER_MS)),
    );
    return [
      ...answers.flatMap((answer) => (answer.ok ? [] : [answer.error.message])),
      ...store.awayServers().map((server) => `${server} is away`),
    ];
  }

  async function ask(): Promise<Answers> {
    const startedAt = elapsedMs();
    const check = withinLimit(store.check()).then((checked) => ({
      up: checked.ok,
      checkMs: Math.round((elapsedMs() - startedAt) * 10) / 10,
      ...(checked.ok ? {} : { error: checked.error.message }),
    }));
    const [overview, hosts, checked, activity] = await Promise.all([
      withinLimit(store.recentOverview()),
      withinLimit(store.hosts()),
      check,
      askRooms(),
    ]);
    return {
      cluster: overview.ok ? overview.value : { error: overview.error.message },
      hosts: hosts.ok ? hosts.value : [],
      store: checked,
      ...activity,
    };
  }

  async function askRooms(): Promise<Pick<Answers, 'rooms' | 'versions'>> {
    const missing: { slot: number; reason: string }[] = [];
    const versions = new Map<number, string>();
    const reports = await Promise.all(
      workers.withClients().map(async (worker) => {
        const answer = await worker.request(CHAT_MESSAGES.roomActivity, null, ADMIN_ANSWER_MS);
        if (!answer.ok) {
          missing.push({ slot: worker.slot, reason: answer.error.message });
          return [];
        }
        versions.set(worker.pid, answer.value.version);
        return [answer.value];
      }),
    );
    for (const { slot, state } of workers.status())
      if (state === 'suspect') missing.push({ slot, reason: 'it does not report' });
    return { rooms: { ...mergeRooms(reports.flat()), missing }, versions };
  }

  function answers(): Promise<Answers> {
    if (asked === undefined || elapsedMs() - asked.atMs >= ASKED_AGAIN_MS)
      asked = { atMs: elapsedMs(), answers: ask() };
    return asked.answers;
  }

  return {
    open() {
      collectOrLog();
      timer = setInterval(collectOrLog, POINT_MS);
      timer.unref();
    },
    async view() {
      const { cluster, hosts, store: checked, rooms, versions } = await answers();
      return {
        at: now(),
        host: deps.host,
        primary: deps.primary,
        cluster,
        hosts,
        workers: workers.status().map(({ failures: _, reason, ...row }) => {
          const version = versions.get(row.pid);
          return {
            ...row,
            restarts: events.restarts(row.slot),
            ...(version === undefined ? {} : { version }),
            ...(reason === undefined ? {} : { reason }),
          };
        }),
        store: { kind: deps.storeKind, ...checked, away: store.awayServers(), warnings: store.warnings },
        series: points.series(),
        refused: points.refused(),
        counts: points.counts(),
        rooms,
        events: events.events(),
      };
    },
    close: () => clearInterval(timer),
  };
}
