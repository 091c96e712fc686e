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
}

export function createStore<State, Event>(deps: StoreDeps<State, Event>): Store<State, Event> {
  let state = deps.initial;
  let scheduled = false;
  const listeners = new Set<() => void>();

  function notify(): void {
    scheduled = false;
    for (const listener of listeners) listener();
  }

  return {
    get: () => state,
    dispatch(event) {
      const next = deps.reduce(state, event);
      if (next === state) return;
      state = next;
      if (scheduled) return;
      scheduled = true;
      deps.nextFrame(notify);
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
