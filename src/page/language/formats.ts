/** Dates and times as one locale writes them; all take ms since 1970. */
export interface Formats {
  /** `14:05` */
  clock(at: number): string;
  /** `Tuesday, 3 March 2026 at 14:05:09` */
  moment(at: number): string;
  /** `Tuesday 3 March` */
  day(at: number): string;
  /** `3 Mar 2026, 14:05` */
  dayAndTime(at: number): string;
  /** The end of a state: its time, with its date unless that is less than a day away. Undefined: it has no end. */
  until(at: number | undefined, now: number): string | undefined;
  number(value: number): string;
}

const DAY_MS = 86_400_000;

export function createFormats(locale: string): Formats {
  const clock = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit' });
  const moment = new Intl.DateTimeFormat(locale, { dateStyle: 'full', timeStyle: 'medium' });
  const day = new Intl.DateTimeFormat(locale, { weekday: 'long', day: 'numeric', month: 'long' });
  const dayAndTime = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' });
  const number = new Intl.NumberFormat(locale);
  return {
    clock: (at) => clock.format(at),
    moment: (at) => moment.format(at),
    day: (at) => day.format(at),
    dayAndTime: (at) => dayAndTime.format(at),
    until(at, now) {
      if (!isTime(at)) return undefined;
      return at - now < DAY_MS ? clock.format(at) : dayAndTime.format(at);
    },
    number: (value) => number.format(value),
  };
}

/** True: this device can write it as a date. A server may send anything. */
export function isTime(at: unknown): at is number {
  return typeof at === 'number' && !Number.isNaN(new Date(at).getTime());
}
