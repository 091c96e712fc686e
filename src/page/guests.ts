import type { Memory } from './memory.ts';

/** Proves to the server that this browser was that guest before. */
export interface Guest {
  readonly userId: string;
  readonly guestToken: string;
}

/** One guest per nickname: two tabs under two names are two people, a tab opened again is the same one. */
export interface Guests {
  find(username: string): Guest | undefined;
  keep(username: string, guest: Guest): void;
  forget(username: string): void;
}

const KEY = 'roomcast.guests';
const KEPT_GUESTS = 20;

export function createGuests(memory: Memory): Guests {
  function all(): (Guest & { username: string })[] {
    try {
      const kept: unknown = JSON.parse(memory.read(KEY) ?? '[]');
      return Array.isArray(kept) ? kept : [];
    } catch {
      return [];
    }
  }

  function others(username: string) {
    return all().filter((guest) => guest.username !== username);
  }

  return {
    find: (username) => all().find((guest) => guest.username === username),
    keep(username, { userId, guestToken }) {
      const kept = [{ username, userId, guestToken }, ...others(username)].slice(0, KEPT_GUESTS);
      memory.write(KEY, JSON.stringify(kept));
    },
    forget: (username) => memory.write(KEY, JSON.stringify(others(username))),
  };
}
