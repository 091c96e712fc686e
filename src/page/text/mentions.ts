import type { Mention, Mentioned } from './message-nodes.ts';

const WORD = /^[\p{L}\p{N}\p{M}_]$/u;
const HAN = /\p{Script=Han}/u;

/** The mention that begins with the @ at `index`: the longest of the names that stands there as a whole word. */
export function mentionAt(text: string, index: number, mentioned: readonly Mentioned[]): Mention | undefined {
  if (mentioned.length === 0 || isInWord(text[index - 1] ?? '')) return undefined;
  let longest: Mentioned | undefined;
  for (const person of mentioned) {
    const { username } = person;
    if (username === '' || username.length <= (longest?.username.length ?? 0)) continue;
    if (!text.startsWith(username, index + 1)) continue;
    if (!isWordEnd(text, index + 1 + username.length)) continue;
    longest = person;
  }
  return longest && { kind: 'mention', userId: longest.userId, text: `@${longest.username}` };
}

/** The people among `chosen` whose names still stand in the text after an @. */
export function mentionedIn<P extends Mentioned>(text: string, chosen: readonly P[]): readonly P[] {
  const found = new Set<string>();
  for (let at = text.indexOf('@'); at >= 0; at = text.indexOf('@', at + 1)) {
    const mention = mentionAt(text, at, chosen);
    if (mention) found.add(mention.userId);
  }
  return chosen.filter(({ userId }) => found.has(userId));
}

/** Chinese is written without spaces: no word goes on there. */
function isInWord(char: string): boolean {
  return WORD.test(char) && !HAN.test(char);
}

function isWordEnd(text: string, index: number): boolean {
  return !isInWord(text[index] ?? '') || !WORD.test(text[index - 1] ?? '');
}
