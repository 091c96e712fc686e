import type { ProcessEvent } from '../cluster/control.ts';
import type { HostEvent } from './view.ts';

/** Remembers what happened to the host and its processes lately. */
export interface EventLog {
  note(level: HostEvent['level'], text: string): void;
  /** A state in which a worker's process is from now on. */
  onProcess(event: ProcessEvent): void;
  /** The reasons for which the host serves less well than it should; empty if it serves well. */
  onDegraded(reasons: readonly string[]): void;
  /** The newest first. */
  events(): readonly HostEvent[];
  /** The workers of that slot that ended unasked and were replaced. */
  restarts(slot: number): number;
}

const MOST_EVENTS = 200;

export function createEventLog({ now }: { readonly now: () => number }): EventLog {
  const events: HostEvent[] = [];
  const restarts = new Map<number, number>();
  const suspects = new Set<number>();
  let degraded = '';

  function add(event: HostEvent): void {
    events.unshift(event);
    if (events.length > MOST_EVENTS) events.pop();
  }

  function textOf({ pid, state, cause, replaced }: ProcessEvent): string {
    switch (state) {
      case 'starting':
        return 'worker starts';
      case 'ready':
        return suspects.has(pid) ? 'worker reports again' : 'worker is ready';
      case 'suspect':
        return 'worker does not report: it gets no new clients';
      case 'draining':
        return 'worker drains';
      case 'ended':
        return replaced ? `worker ended unasked (${cause}) and is replaced` : `worker ended (${cause})`;
    }
  }

  return {
    note: (level, text) => add({ at: now(), level, text }),
    onProcess(event) {
      const { slot, pid, state, replaced } = event;
      const level = replaced ? 'error' : state === 'suspect' ? 'warning' : 'info';
      add({ at: now(), level, slot, pid, text: textOf(event) });
      if (state === 'suspect') suspects.add(pid);
      else suspects.delete(pid);
      if (replaced) restarts.set(slot, (restarts.get(slot) ?? 0) + 1);
    },
    onDegraded(reasons) {
      const current = [...new Set(reasons)].sort().join('; ');
      if (current === degraded) return;
      degraded = current;
      if (current === '') add({ at: now(), level: 'info', text: 'the host serves well again' });
      else add({ at: now(), level: 'warning', text: `degraded: ${current}` });
    },
    events: () => [...events],
    restarts: (slot) => restarts.get(slot) ?? 0,
  };
}
