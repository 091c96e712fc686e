type Listener<Args extends unknown[]> = (...args: Args) => void;
type Events<M> = { [E in keyof M]: unknown[] };

export interface EmitterOptions<M> {
  /** A listener threw; the other listeners are called all the same. */
  readonly onThrow: (error: unknown) => void;
  /** Events that wait for their first listener: it may be added only after an `await` that returns the room. */
  readonly buffered?: readonly (keyof M)[];
  /** The oldest are dropped beyond it, since nobody may ever listen. 1,000. */
  readonly maxBuffered?: number;
  /** All listeners of the event were called, at least one. */
  readonly onDelivered?: (event: keyof M, args: readonly unknown[]) => void;
}

export interface Emitter<M extends Events<M>> {
  /** Returns a function that stops listening. */
  on<E extends keyof M>(event: E, listener: Listener<M[E]>): () => void;
  emit<E extends keyof M>(event: E, ...args: M[E]): void;
}

export function createEmitter<M extends Events<M>>(options: EmitterOptions<M>): Emitter<M> {
  const { onThrow, maxBuffered = 1_000, onDelivered } = options;
  const unclaimed = new Set<keyof M>(options.buffered);
  const listeners = new Map<keyof M, Set<Listener<never>>>();
  let waiting: { event: keyof M; args: unknown[] }[] = [];
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
    for (let index = waiting.findIndex(hasListener); index >= 0; index = waiting.findIndex(hasListener)) {
      const [next] = waiting.splice(index, 1);
      if (next) call(next.event, next.args);
    }
    releasing = false;
  }

  function hasListener({ event }: { event: keyof M }): boolean {
    return !unclaimed.has(event);
  }

  return {
    on(event, listener) {
      // A function of its own for each call: the same listener added twice is removed once.
      const own: Listener<never> = (...args: never[]) => (listener as unknown as Listener<never[]>)(...args);
      const all = listeners.get(event) ?? new Set();
      listeners.set(event, all.add(own));
      if (unclaimed.delete(event) && !releasing) {
        releasing = true;
        queueMicrotask(release);
      }
      return () => void all.delete(own);
    },
    emit(event, ...args) {
      if (!releasing && !unclaimed.has(event)) {
        call(event, args);
        return;
      }
      waiting.push({ event, args });
      if (waiting.length > maxBuffered) waiting = waiting.slice(-maxBuffered);
    },
  };
}
