import type { HookQueue, HookSource } from '../../chat/hook-queue.ts';
import type { RoomLogs } from '../../chat/log-store.ts';
import { type Outcome, succeed } from '../../protocol/codes.ts';
import type { DueSubjects } from './due-subjects.ts';
import { UNLIST_AFTER_MS } from './listing.ts';
import { unsentIn } from './log-events.ts';
import { isAbsent, isDue, type PresenceEvents } from './presence-events.ts';
import type { SenderLease } from './sender-lease.ts';

export interface ComparisonDeps {
  readonly queue: Pick<HookQueue, 'listed' | 'unlist'>;
  readonly logs: Pick<RoomLogs, 'tops'>;
  readonly presence: Pick<PresenceEvents, 'includes' | 'changed'>;
  /** Returns whether the subject is a log whose entries are sent. */
  readonly hasLog: (subject: string) => boolean;
  readonly holder: string;
  readonly lease: Pick<SenderLease, 'holds'>;
  readonly closing: AbortSignal;
}

export interface Comparison {
  /**
   * Adds the states of the subjects that have something to send, and removes rooms from the list in which nothing happens any
   * more. Returns false if it did not come to the end.
   */
  addTo(due: Pick<DueSubjects, 'add'>): Promise<boolean>;
}

const COMPARED_ROOMS = 500;

/** Compares every listed subject with its state. It finds what no note told of: notes are lost with their process. */
export function createComparison(deps: ComparisonDeps): Comparison {
  const { queue, logs, presence, hasLog, holder, lease, closing } = deps;

  async function unsentAmong(sources: readonly HookSource[]): Promise<Outcome<ReadonlySet<string>>> {
    const ofLogs = sources.filter(({ subject }) => hasLog(subject));
    const unsent = ofLogs.length > 0 ? await unsentIn(logs, ofLogs) : succeed([]);
    if (!unsent.ok) return unsent;
    const states = sources.filter(({ subject }) => presence.includes(subject));
    return succeed(
      new Set(
        [
          ...ofLogs.filter((_, index) => unsent.value[index]),
          ...states.filter(({ state }) => isDue(state)),
          ...(await presence.changed(states)),
        ].map(({ subject }) => subject),
      ),
    );
  }

  return {
    async addTo(due) {
      let after: string | undefined;
      for (;;) {
        if (closing.aborted || !(await lease.holds())) return false;
        const page = await queue.listed(after, COMPARED_ROOMS);
        if (!page.ok) return false;
        const last = page.value.at(-1);
        if (!last) return true;
        after = last.subject;
        const unsent = await unsentAmong(page.value);
        if (!unsent.ok) return false;
        for (const { subject, state, idleMs } of page.value) {
          if (unsent.value.has(subject)) due.add({ subject, state });
          // The change to absent of one that is present is yet to be sent.
          else if (presence.includes(subject) && !isAbsent(state)) continue;
          else if (idleMs > UNLIST_AFTER_MS) await queue.unlist(holder, { subject, state }, UNLIST_AFTER_MS);
        }
      }
    },
  };
}
