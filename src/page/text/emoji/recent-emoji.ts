import { createContext } from 'preact';

/** Stores a value in the browser. */
export interface RecentStorage {
  read(key: string): string | undefined;
  write(key: string, value: string): void;
}

/** Absent where the browser stores nothing. */
export const RecentEmojiContext = createContext<RecentStorage | undefined>(undefined);

const KEY = 'roomcast.emoji';
const MAX_RECENT = 16;
const MAX_UNITS = 40;

/** The emoji used last, the newest first. */
export function readRecent(storage: RecentStorage): readonly string[] {
  try {
    const stored: unknown = JSON.parse(storage.read(KEY) ?? '[]');
    if (!Array.isArray(stored)) return [];
    return stored
      .filter((emoji) => typeof emoji === 'string' && emoji.length <= MAX_UNITS)
      .slice(0, MAX_RECENT);
  } catch {
    return [];
  }
}

export function noteUsed(storage: RecentStorage, emoji: string): void {
  const others = readRecent(storage).filter((other) => other !== emoji);
  storage.write(KEY, JSON.stringify([emoji, ...others].slice(0, MAX_RECENT)));
}
