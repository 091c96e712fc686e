import { hash } from 'node:crypto';

/** How a store knows a message again that its author sends twice. */
export interface DedupeKey {
  /** The author, as `user …` or `key …`: nobody's id answers for another's. */
  readonly scope: string;
  readonly clientMsgId: string;
  /**
   * Of what is said, by `contentDigest`: the same id with another content is `bad_request`. Absent: the id is ours and
   * names one content only.
   */
  readonly content?: string;
}

/** 48 bits: a busy room remembers a million, and only their author could make two collide, against themselves. */
const DIGEST_CHARS = 8;

/** What of a message its author wrote; a new name or avatar does not make it another message. */
export function contentDigest(...written: readonly unknown[]): string {
  return hash('sha256', JSON.stringify(written), 'base64url').slice(0, DIGEST_CHARS);
}
