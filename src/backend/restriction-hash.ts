import { hash } from 'node:crypto';

const HASH_CHARS = 22;

/** Names a user in the restrictions of a room. A user id may be longer than the keys of the embedded store. */
export function restrictionHash(userId: string): string {
  return hash('sha256', userId, 'base64url').slice(0, HASH_CHARS);
}
