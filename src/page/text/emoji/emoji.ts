/** An emoji with what people may call it. */
export interface Emoji {
  readonly emoji: string;
  readonly group: EmojiGroup;
  /** The words between two colons: `tada`. The first one is its name. */
  readonly codes: readonly string[];
  /** Other English words for it. */
  readonly words: readonly string[];
  readonly chinese: string;
}

export type EmojiGroup = keyof typeof import('./emoji-list.ts').EMOJI_LISTS;

export const EMOJI_GROUPS: readonly EmojiGroup[] = [
  'faces',
  'people',
  'hearts',
  'nature',
  'food',
  'things',
  'signs',
];

/** Loads the list, which is no part of the page's first script. */
export async function loadEmoji(): Promise<readonly Emoji[]> {
  const { EMOJI_LISTS } = await import('./emoji-list.ts');
  return parseEmoji(EMOJI_LISTS);
}

export function parseEmoji(lists: Readonly<Record<EmojiGroup, string>>): readonly Emoji[] {
  return Object.entries(lists).flatMap(([group, list]) =>
    list
      .trim()
      .split('\n')
      .map((line) => {
        const [emoji = '', codes = '', words = '', chinese = ''] = line.split('|');
        return {
          emoji,
          group: group as EmojiGroup,
          codes: codes.split(' '),
          words: words.split(' '),
          chinese,
        };
      }),
  );
}

/** Those that fit a beginning of a word, or a part of a Chinese name; the best first. */
export function searchEmoji(all: readonly Emoji[], query: string, limit: number): readonly Emoji[] {
  const wanted = query.trim().toLowerCase().replaceAll(' ', '_');
  if (wanted === '') return all.slice(0, limit);
  const ranked = all.map((emoji) => ({ emoji, rank: rankOf(emoji, wanted) })).filter(({ rank }) => rank < 4);
  return ranked
    .sort((one, other) => one.rank - other.rank)
    .slice(0, limit)
    .map(({ emoji }) => emoji);
}

export function emojiOfCode(all: readonly Emoji[], code: string): string | undefined {
  return all.find(({ codes }) => codes.includes(code.toLowerCase()))?.emoji;
}

function rankOf({ codes, words, chinese }: Emoji, wanted: string): number {
  if (codes.includes(wanted)) return 0;
  if (codes.some((code) => code.startsWith(wanted))) return 1;
  if (codes.some((code) => code.includes(`_${wanted}`)) || chinese.includes(wanted)) return 2;
  return words.some((word) => word.startsWith(wanted)) ? 3 : 4;
}
