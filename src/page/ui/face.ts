/** The number of tones in styles.css. */
export const FACE_TONES = 6;

/** The tone of a drawn avatar: chosen by the number of a picture file of the source system (`1.jpg`), or by the user id. */
export function toneOf(userId: string, avatar: string | undefined): number {
  const numbered = /^(\d{1,3})\.[a-z]+$/i.exec(avatar ?? '');
  if (numbered) return (Number(numbered[1]) + FACE_TONES - 1) % FACE_TONES;
  let hash = 0;
  for (const char of userId) hash = (hash * 31 + (char.codePointAt(0) ?? 0)) >>> 0;
  return hash % FACE_TONES;
}

export function avatarOfTone(tone: number): string {
  return `${tone + 1}.jpg`;
}

/** The first letters of the first and the last word. */
export function initialsOf(username: string): string {
  const words = username.split(/[\s._-]+/u).filter((word) => word !== '');
  const chosen = words.length > 1 ? [words.at(0), words.at(-1)] : [words[0] ?? username];
  return chosen.map((word) => firstGrapheme(word ?? '').toLocaleUpperCase()).join('');
}

function firstGrapheme(word: string): string {
  if (typeof Intl.Segmenter !== 'function') return [...word][0] ?? '';
  const [first] = new Intl.Segmenter(undefined, { granularity: 'grapheme' }).segment(word);
  return first?.segment ?? '';
}
