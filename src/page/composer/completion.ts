import type { Mentioned } from '../text/message-nodes.ts';

/** The word before the cursor that may be completed. */
export interface CompletionQuery {
  readonly kind: 'mention' | 'emoji';
  /** The index of its @ or its colon. */
  readonly start: number;
  /** Without the @ or the colon. */
  readonly word: string;
}

export interface Member extends Mentioned {
  readonly avatar?: string;
}

const MAX_NAME_CHARS = 32;
const BEFORE_MENTION = /(?:^|[^\p{L}\p{N}_]|\p{Script=Han})@([^@\n]{0,32})$/u;
/** A time such as 12:30 begins no emoji. */
const BEFORE_EMOJI = /(?:^|[^\p{L}\p{N}:]):([a-z0-9_+-]{2,30})$/iu;
const CLOSED_EMOJI = /(?:^|[^\p{L}\p{N}:]):([a-z0-9_+-]{1,30}):$/iu;
/** Longer than any word that can be completed. */
const LOOK_BACK = 40;

/** Reads what stands before the cursor. */
export function queryBefore(text: string, cursor: number): CompletionQuery | undefined {
  const before = text.slice(Math.max(0, cursor - LOOK_BACK), cursor);
  const emoji = BEFORE_EMOJI.exec(before)?.[1];
  if (emoji !== undefined) return { kind: 'emoji', start: cursor - emoji.length - 1, word: emoji };
  const name = BEFORE_MENTION.exec(before)?.[1];
  if (name === undefined || name.startsWith(' ')) return undefined;
  return { kind: 'mention', start: cursor - name.length - 1, word: name };
}

/** The code of an emoji whose second colon was typed just now. */
export function closedCode(text: string, cursor: number): { start: number; code: string } | undefined {
  const code = CLOSED_EMOJI.exec(text.slice(Math.max(0, cursor - LOOK_BACK), cursor))?.[1];
  return code === undefined ? undefined : { start: cursor - code.length - 2, code };
}

/** The members whose name, or one of its words, begins like this; the best first. */
export function membersLike(members: readonly Member[], word: string, limit: number): readonly Member[] {
  const wanted = plain(word);
  if (word.length > MAX_NAME_CHARS) return [];
  const ranked = members.map((member) => ({ member, rank: rankOf(plain(member.username), wanted) }));
  return ranked
    .filter(({ rank }) => rank < 3)
    .sort((one, other) => one.rank - other.rank || compare(one.member.username, other.member.username))
    .slice(0, limit)
    .map(({ member }) => member);
}

function rankOf(name: string, wanted: string): number {
  if (name.startsWith(wanted)) return 0;
  if (name.includes(` ${wanted}`)) return 1;
  // Somebody who types an address has not begun a name that contains one letter of it.
  return wanted.length > 1 && name.includes(wanted) ? 2 : 3;
}

/** Without accents and case, as people type names. */
function plain(name: string): string {
  return name.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
}

function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one > other);
}
