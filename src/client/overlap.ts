/** An event of the server, by name. */
export type ServerEvent = readonly [name: string, args: readonly unknown[]];

/**
 * The events of two connections of one client. The application gets an event that both bring once. Entries of rooms are left
 * to the rooms, which know them by their numbers.
 */
export interface Overlap {
  /** The first connection brought the event, and the application gets it. */
  passed(event: ServerEvent): void;
  /** The second connection brought the event before it took over. */
  hold(event: ServerEvent): void;
  /** Returns the held events that the first connection did not bring. */
  held(): readonly ServerEvent[];
  /** The second connection has taken over. True: the first one brought the event before. */
  isRepeat(event: ServerEvent): boolean;
  /** True: there are more events than a client should keep in memory. */
  isFull(): boolean;
}

const MAX_EVENTS = 10_000;

export function createOverlap(): Overlap {
  /** The number of passed events by content that the second connection has not brought yet. */
  const passed = new Map<string, number>();
  /** In the order brought. */
  const held = new Set<ServerEvent>();
  /** Those of `held` that are no entries. */
  const heldByKey = new Map<string, ServerEvent[]>();

  function takePassed(key: string | undefined): boolean {
    const count = key === undefined ? undefined : passed.get(key);
    if (key === undefined || count === undefined) return false;
    if (count === 1) passed.delete(key);
    else passed.set(key, count - 1);
    return true;
  }

  function takeHeld(key: string): boolean {
    const same = heldByKey.get(key);
    const event = same?.pop();
    if (!same || !event) return false;
    if (same.length === 0) heldByKey.delete(key);
    return held.delete(event);
  }

  return {
    passed(event) {
      const key = keyOf(event);
      if (key !== undefined && !takeHeld(key)) passed.set(key, (passed.get(key) ?? 0) + 1);
    },
    hold(event) {
      const key = keyOf(event);
      if (takePassed(key)) return;
      held.add(event);
      if (key === undefined) return;
      const same = heldByKey.get(key);
      if (same) same.push(event);
      else heldByKey.set(key, [event]);
    },
    held: () => [...held],
    isRepeat: (event) => passed.size > 0 && takePassed(keyOf(event)),
    isFull: () => held.size + passed.size > MAX_EVENTS,
  };
}

/** Undefined for the entries of a room. */
function keyOf([name, args]: ServerEvent): string | undefined {
  const [first] = args as readonly ({ readonly seq?: unknown } | undefined)[];
  return name === 'message' && first?.seq !== undefined ? undefined : JSON.stringify([name, args]);
}
