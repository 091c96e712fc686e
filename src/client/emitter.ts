type Listener<Args extends unknown[]> = (...args: Args) => void;
type Events<M> = { [E in keyof M]: unknown[] };

export interface EmitterOptions<M> {
  /** A listener threw; the other listeners are called all the same. */
  readonly onThrow: (error: unknown) => void;
  /**
   * The number of events of a name that wait for their first listener, which may be added only after an `await` that
   * returns the room. The oldest of that name are dropped beyond it.
   */
  readonly buffered?: { readonly [E in keyof M]?: number };
  /** All listeners of the event were called, at least one. */
  readonly onDelivered?: (event: keyof M, args: readonly unknown[]) => void;
}

export interface Emitter<M extends Events<M>> {
  /** Returns a function that stops listening. */
  on<E extends keyof M>(event: E, listener: Listener<M[E]>): () => void;
  emit<E extends keyof M>(event: E, ...args: M[E]): void;
  hasListener(event: keyof M): boolean;
}

export function createEmitter<M extends Events<M>>(options: EmitterOptions<M>): Emitter<M> {
  const { onThrow, buffered = {} as NonNullable<EmitterOptions<M>['buffered']>, onDelivered } = options;
  const unheard = new Set(Object.keys(buffered) as (keyof M)[]);
  const listeners = new Map<keyof M, Set<Listener<never>>>();
  const waiting: { event: keyof M; args: unknown[] }[] = [];
  /** The number of waiting events by name. */
  const stored = new Map<keyof M, number>();
  let releasing = false;

  function call(event: keyof M, args: unknown[]): void {
    const called = [...(listeners.get(event) ?? [])];
    for (const listener of called) {
      try {
        (listener as Listener<unknown[]>)(...args);
      } catch (error) {
        onThrow(error);
      }
    }
    if (called.length > 0) onDelivered?.(event, args);
  }

  /** Runs in a later turn than `on`, so that listeners added one after the other get everything in order. */
  function release(): void {
    for (let index = waiting.findIndex(isDue); index >= 0; index = waiting.findIndex(isDue)) {
      const [next] = waiting.splice(index, 1);
      if (!next) continue;
      stored.set(next.event, (stored.get(next.event) ?? 1) - 1);
      call(next.event, next.args);
    }
    releasing = false;
  }

  function isDue({ event }: { event: keyof M }): boolean {
    return !unheard.has(event);
  }

  return {
    on(event, listener) {
      // A function of its own for each call: the same listener added twice is removed once.
      const own: Listener<never> = (...args: never[]) => (listener as unknown as Listener<never[]>)(...args);
      const all = listeners.get(event) ?? new Set();
      listeners.set(event, all.add(own));
      if (unheard.delete(event) && !releasing) {
        releasing = true;
        queueMicrotask(release);
      }
      return () => void all.delete(own);
    },
    emit(event, ...args) {
      if (!releasing && !unheard.has(event)) {
        call(event, args);
        return;
      }
      waiting.push({ event, args });
      const count = (stored.get(event) ?? 0) + 1;
      if (count <= (buffered[event] ?? Infinity)) stored.set(event, count);
      else
        waiting.splice(
          waiting.findIndex((one) => one.event === event),
          1,
        );
    },
    hasListener: (event) => (listeners.get(event)?.size ?? 0) > 0,
  };
}
