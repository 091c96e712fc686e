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
}

export function createOverlap(): Overlap {
  /** The number of passed events by content that the second connection has not brought yet. */
  const passed = new Map<string, number>();
  const held: { readonly key: string | undefined; readonly event: ServerEvent }[] = [];

  function takePassed(key: string | undefined): boolean {
    const count = key === undefined ? 0 : (passed.get(key) ?? 0);
    if (key === undefined || count === 0) return false;
    passed.set(key, count - 1);
    return true;
  }

  return {
    passed(event) {
      const key = keyOf(event);
      if (key === undefined) return;
      const index = held.findIndex((one) => one.key === key);
      if (index >= 0) held.splice(index, 1);
      else passed.set(key, (passed.get(key) ?? 0) + 1);
    },
    hold(event) {
      const key = keyOf(event);
      if (!takePassed(key)) held.push({ key, event });
    },
    held: () => held.map(({ event }) => event),
    isRepeat: (event) => takePassed(keyOf(event)),
  };
}

/** Undefined for the entries of a room. */
function keyOf([name, args]: ServerEvent): string | undefined {
  const [first] = args as readonly ({ readonly seq?: unknown } | undefined)[];
  return name === 'message' && first?.seq !== undefined ? undefined : JSON.stringify([name, args]);
}
