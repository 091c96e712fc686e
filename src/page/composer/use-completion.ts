import { useEffect, useMemo, useState } from 'preact/hooks';
import { type Emoji, emojiOfCode, searchEmoji } from '../text/emoji/emoji.ts';
import { useEmoji } from '../text/emoji/use-emoji.ts';
import { type CompletionQuery, closedCode, type Member, membersLike, queryBefore } from './completion.ts';
import { type FollowMembers, useMembers } from './use-members.ts';

/** One line of the list below the cursor. */
export interface Option {
  readonly key: string;
  /** The text that takes the place of the word. */
  readonly insertion: string;
  readonly emoji?: string;
  readonly member?: Member;
  /** The name that is shown. */
  readonly name: string;
}

export interface CompletionInput {
  readonly text: string;
  /** Undefined while text is selected or the field has no focus. */
  readonly cursor: number | undefined;
  readonly followMembers: FollowMembers;
  readonly ownId: string;
}

export interface Completion {
  readonly query: CompletionQuery | undefined;
  /** Empty: there is no list. */
  readonly options: readonly Option[];
  readonly active: number;
  /** Moves by so many options, round the ends of the list. */
  move(by: 1 | -1): void;
  /** Closes the list until another word begins. */
  dismiss(): void;
  /** The emoji whose code was closed by the colon just typed, and the code's place. */
  readonly closed: { readonly start: number; readonly emoji: string } | undefined;
}

const MAX_OPTIONS = 8;

/** Offers what may complete the word before the cursor: members after an @, emoji after a colon. */
export function useCompletion({ text, cursor, followMembers, ownId }: CompletionInput): Completion {
  const [active, setActive] = useState(0);
  const [dismissed, setDismissed] = useState<number>();
  const query = useMemo(() => (cursor === undefined ? undefined : queryBefore(text, cursor)), [text, cursor]);
  const code = useMemo(() => (cursor === undefined ? undefined : closedCode(text, cursor)), [text, cursor]);
  const members = useMembers(followMembers, ownId, query?.kind === 'mention');
  // Offline, a code stays as it was typed.
  const { all: emoji } = useEmoji(query?.kind === 'emoji' || code !== undefined);

  const start = query?.start;
  useEffect(() => {
    if (start === undefined) setDismissed(undefined);
  }, [start]);

  const word = query?.word;
  useEffect(() => setActive(0), [start, word]);

  const options = useMemo(() => {
    if (!query || query.start === dismissed) return [];
    if (query.kind === 'mention') return membersLike(members, query.word, MAX_OPTIONS).map(memberOption);
    return searchEmoji(emoji ?? [], query.word, MAX_OPTIONS).map(emojiOption);
  }, [query, dismissed, members, emoji]);

  const shown = Math.min(active, Math.max(0, options.length - 1));
  const found = code && emoji && emojiOfCode(emoji, code.code);
  return {
    query,
    options,
    active: shown,
    move: (by) => setActive((shown + by + options.length) % options.length),
    dismiss: () => setDismissed(start),
    closed: code && found ? { start: code.start, emoji: found } : undefined,
  };
}

function memberOption(member: Member): Option {
  const { userId, username } = member;
  return { key: userId, insertion: `@${username} `, member, name: username };
}

function emojiOption({ emoji, codes }: Emoji): Option {
  return { key: emoji, insertion: emoji, emoji, name: `:${codes[0] ?? ''}:` };
}
