import type { ClientStorage } from '../../client/index.ts';
import { createGuests, type Guest } from './guests.ts';
import type { Memory } from './memory.ts';
import type { Visit, VisitDeps } from './visit.ts';

/** The owner of stored values. Another Roomcast may run behind the same origin. */
interface Place extends Pick<Visit, 'username' | 'roomid'> {
  readonly socketPath: string;
}

interface StoredPlace extends Place {
  readonly values: Readonly<Record<string, string>>;
}

const KEY = 'roomcast.unsent';
const GUEST_KEY = 'roomcast.guest';
/** The page shows no inbox. */
const INBOX_KEY = 'roomcast.inbox';
const MAX_PLACES = 20;
/** Browsers give 5 MB, in units of two bytes, to all of a tab's pages of one origin. */
const MAX_CHARS = 1_200_000;

/**
 * The SDK's storage for one nickname in one room. It stores the guest in the browser, for the next visit, and unsent text in
 * the tab, for a reload.
 */
export function createVisitStorage({ browser, tab }: VisitDeps, place: Place): ClientStorage {
  const guests = createGuests(browser);

  const isHere = (other: Place) =>
    other.socketPath === place.socketPath &&
    other.username === place.username &&
    other.roomid === place.roomid;

  return {
    get(key) {
      if (key === GUEST_KEY) return JSON.stringify(guests.find(place.username) ?? null);
      return readPlaces(tab).find(isHere)?.values[key];
    },
    set(key, value) {
      if (key === INBOX_KEY) return;
      if (key === GUEST_KEY) {
        guests.store(place.username, JSON.parse(value));
        return;
      }
      const places = readPlaces(tab);
      const { [key]: before, ...others } = places.find(isHere)?.values ?? {};
      // The SDK stores an empty list for no messages, and null for what it has no use for any more.
      const now = ['', '[]', 'null'].includes(value) ? undefined : value;
      if (now === before) return;
      const values = now === undefined ? others : { ...others, [key]: now };
      const here = Object.keys(values).length > 0 ? [{ ...place, values }] : [];
      writePlaces(tab, [...here, ...places.filter((other) => !isHere(other))]);
    },
  };
}

/** The guest that the storage's nickname was before. */
export function storedGuestId(storage: ClientStorage): string | undefined {
  const guest: Partial<Guest> | null = JSON.parse(storage.get(GUEST_KEY) ?? 'null');
  return typeof guest?.userId === 'string' ? guest.userId : undefined;
}

/** Stores the newest places, as many as fit. */
function writePlaces(tab: Memory, places: readonly StoredPlace[]): void {
  let chars = 0;
  const fitting = places.slice(0, MAX_PLACES).filter((place) => {
    chars += JSON.stringify(place).length;
    return chars <= MAX_CHARS;
  });
  if (fitting.length > 0) tab.write(KEY, JSON.stringify(fitting));
  else tab.forget(KEY);
}

/** Reads a stored value, which may hold anything. */
function readPlaces(tab: Memory): readonly StoredPlace[] {
  try {
    const stored: unknown = JSON.parse(tab.read(KEY) ?? '[]');
    return Array.isArray(stored) ? stored.filter(isPlace) : [];
  } catch {
    return [];
  }
}

function isPlace(place: Partial<StoredPlace> | null): boolean {
  return (
    typeof place?.values === 'object' &&
    place.values !== null &&
    Object.values(place.values).every((value) => typeof value === 'string')
  );
}
