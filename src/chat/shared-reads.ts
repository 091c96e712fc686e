import type { Outcome } from '../protocol/codes.ts';
import type { Sized } from '../sizes.ts';
import type { LogPage, LogQuery, RoomLogs } from './log-store.ts';
import type { Room } from './room.ts';

/** Readings of one page of one room. */
interface Reading {
  readonly current: Promise<Outcome<LogPage>>;
  /** The reading for all who asked meanwhile. */
  next: Promise<Outcome<LogPage>> | undefined;
}

/** The next reading begins beside one that takes longer: a store that does not answer fails both at about the same time. */
const OVERLAPS_AFTER_MS = 100;

/**
 * Reads logs for crowds: those who ask for the same page while it is being read share the next reading. It begins after they
 * asked, so each page is as new as one of their own. A lone reader waits for nobody.
 */
export function createSharedReads(logs: Pick<RoomLogs, 'read'>): Pick<RoomLogs, 'read'> & Sized {
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
    sizes: () => ({ readings: readings.size }),
    read(room, query) {
      const key = keyOf(room, query);
      const reading = readings.get(key);
      if (!reading) return begin(key, room, query);
      reading.next ??= doneOrSlow(reading.current).then(() => begin(key, room, query));
      return reading.next;
    },
  };
}

function doneOrSlow(reading: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const slow = setTimeout(resolve, OVERLAPS_AFTER_MS);
    const done = () => {
      clearTimeout(slow);
      resolve();
    };
    reading.then(done, done);
  });
}

function keyOf({ tag }: Room, { after, before, limit, maxBytes }: LogQuery): string {
  return [tag, after, before, limit, maxBytes].join(' ');
}
