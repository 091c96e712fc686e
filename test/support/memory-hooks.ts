import type { HookQueue } from '../../src/chat/hook-queue.ts';
import type { Outcome } from '../../src/protocol/codes.ts';

export interface MemoryHooksDeps {
  /** Runs the work, or refuses it as the test says. */
  readonly answer: <T>(what: string, room: undefined, work: () => T) => Promise<Outcome<T>>;
}

/** The queue of webhooks in memory. */
export function createMemoryHooks({ answer }: MemoryHooksDeps): HookQueue {
  const states = new Map<string, { state: string; at: number }>();
  const noted = new Set<string>();
  let lease = { holder: '', until: 0 };
  const now = () => performance.now();
  const isHeldBy = (holder: string) => lease.holder === holder && now() < lease.until;
  const run = <T>(work: () => T) => answer('hooks', undefined, work);

  return {
    list: (subject, state) =>
      run(() => {
        const kept = states.get(subject)?.state ?? state;
        states.set(subject, { state: kept, at: now() });
        return kept;
      }),
    note: (subjects) =>
      run(() => {
        for (const subject of subjects) noted.add(subject);
      }),
    lease: (holder, ttlMs) =>
      run(() => {
        if (lease.holder !== holder && now() < lease.until) return false;
        lease = { holder, until: now() + ttlMs };
        return true;
      }),
    take: (holder, limit) =>
      run(() => {
        const taken = isHeldBy(holder) ? [...noted].slice(0, limit) : [];
        for (const subject of taken) noted.delete(subject);
        return taken.flatMap((subject) => {
          const row = states.get(subject);
          return row ? [{ subject, state: row.state }] : [];
        });
      }),
    listed: (after, limit) =>
      run(() =>
        [...states]
          .sort(([one], [other]) => (one < other ? -1 : 1))
          .filter(([subject]) => after === undefined || subject > after)
          .slice(0, limit)
          .map(([subject, { state, at }]) => ({ subject, state, idleMs: now() - at })),
      ),
    advance: (holder, moves) =>
      run(() => {
        if (!isHeldBy(holder)) return false;
        for (const { subject, state } of moves) {
          states.set(subject, { state, at: states.get(subject)?.at ?? now() });
        }
        return true;
      }),
    term: () => run(() => ''),
    unlist: (holder, { subject, state }, idleMs) =>
      run(() => {
        const row = states.get(subject);
        if (isHeldBy(holder) && row?.state === state && now() - row.at >= idleMs) states.delete(subject);
      }),
  };
}
