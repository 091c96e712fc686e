import type { Feeds } from '../chat/feeds.ts';
import { createMessageChanges } from '../chat/message-changes.ts';
import type { Rate } from '../chat/rate-limit.ts';
import { createSharedReads } from '../chat/shared-reads.ts';
import type { Sized } from '../sizes.ts';
import { createTokenExpiry } from './auth/token-expiry.ts';
import type { ChatContext } from './context.ts';
import type { Fanout } from './delivery/fanout.ts';
import { type HookSettings, openBeforeSay } from './hooks/hooks.ts';
import type { Metrics } from './metrics.ts';
import { createStorageBudget } from './storage-budget.ts';

export interface ContextDeps
  extends Pick<ChatContext, 'identities' | 'limits' | 'newId' | 'now' | 'log'>,
    HookSettings {
  readonly rateRooms: Rate | undefined;
  /** Bytes that one user may have stored. */
  readonly rateStored: Rate | undefined;
}

export interface ContextParts
  extends Omit<
    ChatContext,
    | 'changes'
    | 'joinPages'
    | 'identities'
    | 'tokenExpiry'
    | 'limits'
    | 'storageBudget'
    | 'beforeSay'
    | 'newId'
    | 'now'
    | 'log'
  > {
  readonly metrics: Metrics;
  readonly feeds: Feeds;
  readonly fanout: Fanout;
}

/** Completes the services of the event handlers by those that need nothing but other ones and the settings. */
export function contextOf(deps: ContextDeps, parts: ContextParts): ChatContext & Sized {
  const { admission, logs, feeds, fanout, metrics } = parts;
  const { identities, limits, newId, now, log } = deps;
  const changes = createMessageChanges({ logs, feeds, newId });
  const joinPages = createSharedReads(logs);
  const storageBudget = createStorageBudget({
    rate: deps.rateStored,
    mode: identities.mode,
    now: () => performance.now(),
  });
  return {
    ...parts,
    sizes: () => ({
      changes: changes.sizes(),
      joinPages: joinPages.sizes(),
      storageBudget: storageBudget.sizes(),
    }),
    changes,
    joinPages,
    identities,
    tokenExpiry: createTokenExpiry({ now, flush: fanout.flush }),
    limits,
    storageBudget,
    beforeSay: openBeforeSay({
      ...deps,
      admission,
      logs,
      onReviewed: (outcome) => metrics.reviewed.inc({ outcome }),
    }),
    newId,
    now,
    log,
  };
}
