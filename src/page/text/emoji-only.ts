/** More of them are a pattern, and would fill the room. */
const MAX_EMOJI = 6;
const MAX_UNITS = 100;

const ONE =
  '(?:\\p{RI}\\p{RI}|[0-9#*]\\uFE0F?\\u20E3|(?:\\p{Emoji_Presentation}|\\p{Extended_Pictographic}\\uFE0F)\\p{Emoji_Modifier}?' +
  '(?:\\u200D\\p{Extended_Pictographic}\\uFE0F?\\p{Emoji_Modifier}?)*[\\u{E0020}-\\u{E007F}]*)';
const ONLY = new RegExp(`^\\s*(?:${ONE}\\s*){1,${MAX_EMOJI}}$`, 'u');

/** True: the text is a few emoji and nothing else, so it is drawn larger. */
export function isEmojiOnly(text: string): boolean {
  return text.length <= MAX_UNITS && ONLY.test(text);
}
