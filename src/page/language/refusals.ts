import type { ClientError, ClientErrorCode } from '../../client/index.ts';

/** A refusal that the reader is told in words of its own, where one code covers many. */
export type Refused =
  | 'kicked'
  | 'banned'
  | 'excluded'
  | 'full'
  | 'too_many_rooms'
  | 'muted'
  | 'reserved'
  | 'not_taken'
  | 'too_many_blocks';

/** The words of the server, and those of the SDK after the event `removed`, which has none. */
const WORDS: readonly (readonly [code: ClientErrorCode, words: RegExp, refused: Refused])[] = [
  ['forbidden', /^(roomid:|you are) banned from this room$/, 'banned'],
  ['forbidden', /^you were removed from this room$/, 'kicked'],
  ['forbidden', /^this user is banned$/, 'excluded'],
  ['forbidden', /^roomid: muted in this room$/, 'muted'],
  ['forbidden', /^(to: this user does not take it$|mentions: not taken by )/, 'not_taken'],
  ['limit', /^roomid: the room is full$/, 'full'],
  ['limit', /^roomid: a connection may be in \d+ rooms$/, 'too_many_rooms'],
  ['limit', /^userId: at most \d+ users can be blocked$/, 'too_many_blocks'],
  ['bad_request', /^(auth\.)?username: is reserved$/, 'reserved'],
];

export interface Refusal {
  readonly code: ClientErrorCode | Refused;
  /** The server's own words, for a code that covers many cases. */
  readonly message: string;
  /** ms since 1970: when it ends by itself. */
  readonly until?: number;
}

/** `nowMs` since 1970. */
export function refusalOf({ code: covering, message, retryAfterMs }: ClientError, nowMs: number): Refusal {
  const code = refusedBy({ code: covering, message });
  const ends = code === 'banned' || code === 'excluded';
  return { code, message, ...(ends && retryAfterMs !== undefined && { until: nowMs + retryAfterMs }) };
}

/** Returns the code itself where it says enough. */
export function refusedBy<Code extends string>(refusal: {
  readonly code: Code;
  readonly message: string;
}): Code | Refused {
  const found = WORDS.find(([code, words]) => code === refusal.code && words.test(refusal.message));
  return found?.[2] ?? refusal.code;
}
