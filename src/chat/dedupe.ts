import { hash } from 'node:crypto';

/** The key by which a store recognises a message that its author sends twice. */
export interface DedupeKey {
  /** The author, as `user …` or `key …`, so that authors cannot collide. */
  readonly scope: string;
  readonly clientMsgId: string;
  /**
   * The `contentDigest`: the same id with other content is `bad_request`. Absent if the server made the id, which then
   * names one content only.
   */
  readonly content?: string;
}

/** 96 bits: a busy room remembers a million ids. */
const HASH_CHARS = 16;

/** Names a `clientMsgId` in the records of a log. Every store uses this name, so the records can move to another store. */
export function dedupeHash({ scope, clientMsgId }: Omit<DedupeKey, 'content'>): string {
  return hash('sha256', `${scope}\0${clientMsgId}`, 'base64url').slice(0, HASH_CHARS);
}

/** 48 bits: a busy room remembers a million, and a collision can only harm the author who made it. */
const DIGEST_CHARS = 8;

/** Digests only what the author wrote, so a new name or avatar does not make another message. */
export function contentDigest(...written: readonly unknown[]): string {
  return hash('sha256', JSON.stringify(written), 'base64url').slice(0, DIGEST_CHARS);
}
