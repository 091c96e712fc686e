export interface Store<State, Event> {
  get(): State;
  dispatch(event: Event): void;
  /** Calls back on changes, at most once per painted frame. */
  subscribe(listener: () => void): () => void;
}

export interface StoreDeps<State, Event> {
  readonly initial: State;
  readonly reduce: (state: State, event: Event) => State;
  readonly nextFrame: (callback: () => void) => void;
  readonly pacing?: Pacing<Event>;
}

/** Gathers changes that come in crowds, so that drawing them leaves time for the reader's keys. */
export interface Pacing<Event> {
  /** True: listeners hear of the event `everyMs` after the call before, if not sooner for another reason. */
  readonly canWait: (event: Event) => boolean;
  readonly everyMs: number;
  readonly elapsedMs: () => number;
}

export function createStore<State, Event>(deps: StoreDeps<State, Event>): Store<State, Event> {
  let state = deps.initial;
  const { nextFrame, pacing } = deps;
  let scheduled = false;
  let waiting: ReturnType<typeof setTimeout> | undefined;
  let notifiedAt = Number.NEGATIVE_INFINITY;
  const listeners = new Set<() => void>();

  function notify(): void {
    scheduled = false;
    if (pacing) notifiedAt = pacing.elapsedMs();
    for (const listener of listeners) listener();
  }

  function schedule(): void {
    clearTimeout(waiting);
    waiting = undefined;
    if (scheduled) return;
    scheduled = true;
    nextFrame(notify);
  }

  function waitMs(event: Event): number {
    return pacing?.canWait(event) ? notifiedAt + pacing.everyMs - pacing.elapsedMs() : 0;
  }

  return {
    get: () => state,
    dispatch(event) {
      const next = deps.reduce(state, event);
      if (next === state) return;
      state = next;
      const ms = waitMs(event);
      if (ms <= 0) schedule();
      else if (!scheduled) waiting ??= setTimeout(schedule, ms);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** A store whose events are its next states. */
export type Value<State> = Store<State, State>;

export function createValue<State>(
  initial: State,
  nextFrame: StoreDeps<State, State>['nextFrame'],
): Value<State> {
  return createStore({ initial, reduce: (_before, next) => next, nextFrame });
}

/** Hidden tabs paint no frames, but their title goes on counting. */
export function nextFrame(callback: () => void): void {
  if (document.hidden) {
    setTimeout(callback, 250);
    return;
  }
  // A tab that is hidden before the frame does not paint it.
  const frame = requestAnimationFrame(run);
  document.addEventListener('visibilitychange', run);
  function run(): void {
    document.removeEventListener('visibilitychange', run);
    cancelAnimationFrame(frame);
    callback();
  }
}
