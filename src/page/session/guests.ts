import type { Memory } from './memory.ts';

/** The proof that this browser was that guest before. */
export interface Guest {
  readonly userId: string;
  readonly guestToken: string;
}

/** One guest per nickname: tabs with two names are two people, and a tab opened again is the same person. */
export interface Guests {
  find(username: string): Guest | undefined;
  store(username: string, guest: Guest): void;
}

const KEY = 'roomcast.guests';
const MAX_GUESTS = 20;

export function createGuests(memory: Memory): Guests {
  function all(): (Guest & { username: string })[] {
    try {
      const stored: unknown = JSON.parse(memory.read(KEY) ?? '[]');
      return Array.isArray(stored) ? stored : [];
    } catch {
      return [];
    }
  }

  return {
    find: (username) => all().find((guest) => guest.username === username),
    store(username, { userId, guestToken }) {
      const others = all().filter((guest) => guest.username !== username);
      const newest = [{ username, userId, guestToken }, ...others].slice(0, MAX_GUESTS);
      memory.write(KEY, JSON.stringify(newest));
    },
  };
}
