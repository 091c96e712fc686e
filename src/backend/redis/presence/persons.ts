import type { RosterEntry } from '../../../chat/roster.ts';
import type { ReportedUser } from '../../reported-presence.ts';

/**
 * Encodes a user for the roster's hashes: `own NUL username`, perhaps `NUL avatar` behind it, so that scripts see the
 * name.
 */
export function personText({ own, username, avatar }: ReportedUser): string {
  return avatar === undefined ? `${own}\0${username}` : `${own}\0${username}\0${avatar}`;
}

export function personOf(userId: string, text: string): ReportedUser {
  const [own = '', username = '', ...rest] = text.split('\0');
  const person = { userId, username, own: Number(own) };
  return rest.length === 0 ? person : { ...person, avatar: rest.join('\0') };
}

export function entryOf({ userId, username, avatar }: ReportedUser): RosterEntry {
  return avatar === undefined ? { userId, username } : { userId, username, avatar };
}

/** Decodes the scripts' answer `id, text, id, text, …`. */
export function entriesOf(flat: readonly string[]): RosterEntry[] {
  const entries = [];
  for (let index = 0; index < flat.length; index += 2) {
    entries.push(entryOf(personOf(flat[index] ?? '', flat[index + 1] ?? '')));
  }
  return entries;
}
