import type { Logger } from 'pino';
import type { WorkerBackend } from '../../backend/backend.ts';
import type { RoomLogs } from '../../chat/log-store.ts';
import type { Sized } from '../../sizes.ts';
import { type BeforeSay, type BeforeSayDeps, createBeforeSay, MAX_ANSWER_BYTES } from './before-say.ts';
import { createHookedLogs, createHookedPushes } from './hooked-logs.ts';
import { createHookedRoster } from './hooked-roster.ts';
import { createHookListing } from './listing.ts';
import { createHookPost } from './post.ts';
import { createPresenceEvents, isPresence, unknownPresence } from './presence-events.ts';
import { createPushEvents } from './push-events.ts';
import { createHookSender, type HookCounts } from './sender.ts';

export interface HookSettings {
  readonly hookUrl: string | undefined;
  readonly hookSecret: string | undefined;
  readonly hookEvents: readonly string[];
  readonly hookUndeliveredS: number;
  readonly hookTimeoutMs: number;
  readonly hookBeforeSayUrl: string | undefined;
  readonly hookBeforeSayTimeoutMs: number;
  readonly hookBeforeSayOnTimeout: 'allow' | 'refuse';
}

export interface HooksDeps<Backend> extends HookSettings {
  readonly backend: Backend;
  /** `instanceId` names this process as no other is ever named. */
  readonly worker: { readonly instanceId: string };
  readonly now: () => number;
  readonly newId: () => string;
  readonly log: Logger;
}

export interface Hooks<Backend> {
  /** The backend, whose logs and roster the webhooks are made from. Without HOOK_URL it is the one that was given. */
  readonly backend: Backend;
  /** The logs for pushes to users. */
  readonly pushLogs: Pick<RoomLogs, 'append'>;
  counts(): HookCounts;
  /** Sends no more. Call it while the store is open: another process can then go on at once. */
  close(): Promise<void>;
}

const NONE: HookCounts = { sent: 0, dropped: 0, failed: 0, failingSince: undefined };

export function createHooks<Backend extends Pick<WorkerBackend, 'logs' | 'inboxes' | 'roster' | 'hooks'>>(
  deps: HooksDeps<Backend>,
): Hooks<Backend> & Sized {
  const { backend, hookUrl: url, hookSecret: secret, hookTimeoutMs: timeoutMs, worker, now, log } = deps;
  const { hookEvents: wanted, newId } = deps;
  if (url === undefined || secret === undefined || wanted.length === 0) {
    return {
      sizes: () => ({}),
      backend,
      pushLogs: backend.logs,
      counts: () => NONE,
      close: async () => undefined,
    };
  }
  const elapsedMs = () => performance.now();
  const listing = createHookListing({
    queue: backend.hooks,
    restored: ({ subject, state }) => (isPresence(subject) ? unknownPresence(newId()) : state),
    elapsedMs,
  });
  const sendsMessages = wanted.includes('message');
  const rooms = wanted.some((type) => type.startsWith('room.'));
  const users = wanted.some((type) => type.startsWith('user.'));
  const pushes = wanted.includes('push.undelivered')
    ? createPushEvents({ ...backend, undeliveredMs: deps.hookUndeliveredS * 1_000, now })
    : undefined;
  const sender = createHookSender({
    queue: backend.hooks,
    logs: backend.logs,
    presence: createPresenceEvents({ roster: backend.roster, wanted, now }),
    pushes,
    sendsMessages,
    post: createHookPost({ url, secret, timeoutMs, now }),
    timeoutMs,
    holder: worker.instanceId,
    now,
    elapsedMs,
    random: Math.random,
    log,
  });
  return {
    sizes: () => ({ listing: listing.sizes(), sender: sender.sizes() }),
    backend: {
      ...backend,
      ...(sendsMessages && { logs: createHookedLogs(backend.logs, listing) }),
      ...((rooms || users) && {
        roster: createHookedRoster(backend.roster, { listing, rooms, users, newId }),
      }),
    },
    pushLogs: pushes ? createHookedPushes(backend.logs, listing) : backend.logs,
    counts: sender.counts,
    async close() {
      await listing.close();
      await sender.close();
    },
  };
}

/** Returns undefined without HOOK_BEFORE_SAY_URL: then no message waits for anything more. */
export function openBeforeSay(
  deps: HookSettings & Omit<BeforeSayDeps, 'post' | 'onTimeout' | 'elapsedMs'>,
): BeforeSay | undefined {
  const { hookBeforeSayUrl: url, hookSecret: secret, hookBeforeSayTimeoutMs: timeoutMs, now } = deps;
  if (url === undefined || secret === undefined) return undefined;
  return createBeforeSay({
    ...deps,
    post: createHookPost({ url, secret, timeoutMs, now }, MAX_ANSWER_BYTES),
    onTimeout: deps.hookBeforeSayOnTimeout,
    elapsedMs: () => performance.now(),
  });
}
