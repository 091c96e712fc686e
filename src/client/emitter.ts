type Listener<Args extends unknown[]> = (...args: Args) => void;
type Events<M> = { [E in keyof M]: unknown[] };

export interface EmitterOptions<M> {
  /** A listener threw. It is one of many and none of our business, but must be heard of. */
  readonly onThrow: (error: unknown) => void;
  /** Kept until their first listener is there: what arrives before `await` hands the room over is not lost. */
  readonly buffered?: readonly (keyof M)[];
  /** The oldest go beyond it: nobody may ever listen. */
  readonly maxBuffered?: number;
  /** All listeners of the event were called, and there was one. */
  readonly onDelivered?: (event: keyof M, args: readonly unknown[]) => void;
}

export interface Emitter<M extends Events<M>> {
  /** Answers how to stop listening. */
  on<E extends keyof M>(event: E, listener: Listener<M[E]>): () => void;
  emit<E extends keyof M>(event: E, ...args: M[E]): void;
}

export function createEmitter<M extends Events<M>>(options: EmitterOptions<M>): Emitter<M> {
  const { onThrow, maxBuffered: maxHeld = 1_000, onDelivered: onHeard } = options;
  const unheard = new Set<keyof M>(options.buffered);
  const listeners = new Map<keyof M, Set<Listener<never>>>();
  let held: { event: keyof M; args: unknown[] }[] = [];
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
    if (called.length > 0) onHeard?.(event, args);
  }

  /** In a later turn than `on`, so that listeners added one after the other hear everything in its order. */
  function release(): void {
    for (let index = held.findIndex(isHeard); index >= 0; index = held.findIndex(isHeard)) {
      const [next] = held.splice(index, 1);
      if (next) call(next.event, next.args);
    }
    releasing = false;
  }

  function isHeard({ event }: { event: keyof M }): boolean {
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
      held.push({ event, args });
      if (held.length > maxHeld) held = held.slice(-maxHeld);
    },
  };
}
