import type { Outcome } from '../protocol/codes.ts';
import type { LogPage, LogQuery, RoomLogs } from './log-store.ts';
import type { Room } from './room.ts';

/** Readings of one page of one room. */
interface Reading {
  readonly current: Promise<Outcome<LogPage>>;
  /** Begins when the current one is done, for all who asked meanwhile. */
  next: Promise<Outcome<LogPage>> | undefined;
}

/**
 * Reads logs for crowds: those who ask for the same page while it is being read share the next reading. It begins after they
 * asked, so each page is as new as one of their own. Who asks alone waits for nobody.
 */
export function createSharedReads(logs: Pick<RoomLogs, 'read'>): Pick<RoomLogs, 'read'> {
  const readings = new Map<string, Reading>();

  function begin(key: string, room: Room, query: LogQuery): Promise<Outcome<LogPage>> {
    const reading: Reading = { current: logs.read(room, query), next: undefined };
    readings.set(key, reading);
    const end = () => {
      if (reading.next === undefined) readings.delete(key);
    };
    reading.current.then(end, end);
    return reading.current;
  }

  return {
    read(room, query) {
      const key = keyOf(room, query);
      const reading = readings.get(key);
      if (!reading) return begin(key, room, query);
      const again = () => begin(key, room, query);
      reading.next ??= reading.current.then(again, again);
      return reading.next;
    },
  };
}

function keyOf({ tag }: Room, { after, before, limit, maxBytes }: LogQuery): string {
  return [tag, after, before, limit, maxBytes].join(' ');
}
