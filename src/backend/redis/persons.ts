import type { RosterEntry } from '../../chat/store.ts';

/** A user as the roster's hashes hold them: `username`, or `username NUL avatar`, so that scripts see the name. */
export function personText({ username, avatar }: RosterEntry): string {
  return avatar === undefined ? username : `${username}\0${avatar}`;
}

export function personOf(userId: string, text: string): RosterEntry {
  const end = text.indexOf('\0');
  if (end < 0) return { userId, username: text };
  return { userId, username: text.slice(0, end), avatar: text.slice(end + 1) };
}

/** Of `id, text, id, text, …`, as the scripts answer. */
export function personsOf(flat: readonly string[]): RosterEntry[] {
  const persons = [];
  for (let index = 0; index < flat.length; index += 2) {
    persons.push(personOf(flat[index] ?? '', flat[index + 1] ?? ''));
  }
  return persons;
}
