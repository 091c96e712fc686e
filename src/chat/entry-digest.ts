import { hash } from 'node:crypto';

/** Digests the JSON text of a stored entry, so that a store can tell whether it is still the one that was read. */
export function entryDigest(json: string): string {
  return hash('sha1', json, 'hex');
}
