import type { ClientStorage } from '../../client/index.ts';
import { createGuests, type Guest } from './guests.ts';
import type { VisitDeps } from './visit.ts';

/** The owner of stored values. Another Roomcast may run behind the same origin. */
interface Place {
  readonly username: string;
  /** The room of a typed text, or `{userId}` for a private thread, which no room is named. Absent: the values of the SDK. */
  readonly roomid?: string;
  readonly socketPath: string;
}

/** The values of a place; the browser has a copy of them for when the tab is closed. */
interface StoredPlace extends Place {
  readonly values: Readonly<Record<string, string>>;
}

const KEY = 'roomcast.unsent';
const GUEST_KEY = 'roomcast.guest';
/** After a reload the page shows the inbox again, from its newest items on. */
const INBOX_KEY = 'roomcast.inbox';
const MAX_PLACES = 20;
/**
 * Browsers give 5 MB, in units of two bytes, to all of a tab's pages of one origin. The SDK's two lists of unsent messages fit
 * together, also with the quotes that JSON within JSON takes.
 */
const MAX_CHARS = 2_400_000;

/**
 * The SDK's storage for one nickname, or the page's for one of its rooms. It stores the guest in the browser, for the next
 * visit, and unsent text in the tab, for a reload.
 */
export function createVisitStorage({ browser, tab, copies }: VisitDeps, place: Place): ClientStorage {
  const guests = createGuests(browser);

  const isHere = (other: Place) =>
    other.socketPath === place.socketPath &&
    other.username === place.username &&
    other.roomid === place.roomid;

  const readPlaces = () => parsePlaces(tab.read(KEY));

  function writePlaces(places: readonly StoredPlace[]): void {
    const value = placesToStore(places);
    if (value === undefined) tab.forget(KEY);
    else tab.write(KEY, value);
    copies?.store(value);
  }

  /** Takes over what a tab that is gone left here, unless this tab has something of its own. */
  function takeOver(): void {
    if (readPlaces().some(isHere)) return;
    copies?.takeOver((copy) => {
      const places = parsePlaces(copy);
      const mine = places.filter(isHere);
      if (mine.length === 0) return undefined;
      writePlaces([...mine, ...readPlaces()]);
      return { rest: placesToStore(places.filter((other) => !isHere(other))) };
    });
  }

  takeOver();
  return {
    get(key) {
      if (key === GUEST_KEY) return JSON.stringify(guests.find(place.username) ?? null);
      return readPlaces().find(isHere)?.values[key];
    },
    set(key, value) {
      if (key === INBOX_KEY) return;
      if (key === GUEST_KEY) {
        guests.store(place.username, JSON.parse(value));
        return;
      }
      const places = readPlaces();
      const { [key]: before, ...others } = places.find(isHere)?.values ?? {};
      // The SDK stores an empty list for no messages, and null for what it has no use for any more.
      const now = ['', '[]', 'null'].includes(value) ? undefined : value;
      if (now === before) return;
      const values = now === undefined ? others : { ...others, [key]: now };
      const here = Object.keys(values).length > 0 ? [{ ...place, values }] : [];
      writePlaces([...here, ...places.filter((other) => !isHere(other))]);
    },
  };
}

/** The guest that the storage's nickname was before. */
export function storedGuestId(storage: ClientStorage): string | undefined {
  const guest: Partial<Guest> | null = JSON.parse(storage.get(GUEST_KEY) ?? 'null');
  return typeof guest?.userId === 'string' ? guest.userId : undefined;
}

/**
 * The newest places, as many as fit; one that does not fit takes no room from the others. Unsent messages go before typed
 * text. Undefined: there are none.
 */
function placesToStore(places: readonly StoredPlace[]): string | undefined {
  const ofClients = places.filter(({ roomid }) => roomid === undefined);
  const ofFields = places.filter(({ roomid }) => roomid !== undefined);
  let chars = 0;
  const fitting = [...ofClients, ...ofFields].slice(0, MAX_PLACES).filter((place) => {
    const charsWithIt = chars + JSON.stringify(place).length;
    if (charsWithIt > MAX_CHARS) return false;
    chars = charsWithIt;
    return true;
  });
  return fitting.length > 0 ? JSON.stringify(fitting) : undefined;
}

/** Reads a stored value, which may hold anything. */
function parsePlaces(value = '[]'): readonly StoredPlace[] {
  try {
    const stored: unknown = JSON.parse(value);
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
