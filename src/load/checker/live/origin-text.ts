/*
 * The text of every message of a run names its origin and its length: `@time client number room bytes words`. So
 * whoever gets it can tell if it was said, when, by whom and to whom, without asking another client or process.
 */

/** The places in a template for the sender's number of a message, and the time at which it was due. */
export const NUMBER_SLOT = 'NNNNNNNNNN';
export const TIME_SLOT = 'TTTTTTTTTTTTTTTT';
/** Numbers have as many digits as their slot from the first one on. */
export const NUMBERS_FROM = 1_000_000_000;

const WORDS = 'shall we meet at eight, in front of the old station, rain or shine?';
const SHAPE = /^@(\d{16}) (\d+) (\d{10}) (\S+) (\d+) /;

export interface Origin {
  readonly timeUs: number;
  /** The sender's id in the run. */
  readonly client: number;
  readonly number: number;
  /** The room, or the user, that it was said to. */
  readonly to: string;
}

/** The text of a sender's messages, with slots for the number and the time. `@` stands only at its beginning. */
export function textTemplate(client: number, to: string, bytes: number): string {
  const start = `@${TIME_SLOT} ${client} ${NUMBER_SLOT} ${to} ${bytes} `;
  return start + WORDS.repeat(Math.ceil(bytes / WORDS.length)).slice(0, Math.max(0, bytes - start.length));
}

export function textOf({ client, to, number, timeUs }: Origin, bytes: number): string {
  return textTemplate(client, to, bytes)
    .replace(TIME_SLOT, String(Math.floor(timeUs)).padStart(TIME_SLOT.length, '0'))
    .replace(NUMBER_SLOT, String(number));
}

/** Undefined: no client of any run said it, or not with this text. */
export function originOf(text: string): Origin | undefined {
  const [, time, client, number, to, bytes] = SHAPE.exec(text) ?? [];
  // A server may send any number, and a text that long must not be made.
  if (to === undefined || Number(bytes) > text.length) return undefined;
  const origin = { timeUs: Number(time), client: Number(client), number: Number(number), to };
  return textOf(origin, Number(bytes)) === text ? origin : undefined;
}
