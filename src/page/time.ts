/** True: this device can write it as a date. A server may send anything. */
export function isTime(at: unknown): at is number {
  return typeof at === 'number' && !Number.isNaN(new Date(at).getTime());
}

const DAY_MS = 86_400_000;
const time = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const dayAndTime = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

/** The sentence with the time at which its state ends, where that is known. */
export function sentenceUntil(sentence: string, until: number | undefined, now: number): string {
  if (!isTime(until)) return `${sentence}.`;
  const format = until - now < DAY_MS ? time : dayAndTime;
  return `${sentence} until ${format.format(until)}.`;
}
