const COUNT = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const TIME = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const MIB = 1024 * 1024;

export const count = (value: number): string => COUNT.format(value);

/** A time in ms, with as many digits as matter. */
export function ms(value: number): string {
  const digits = value < 10 ? 1 : 0;
  return value < 1_000 ? `${value.toFixed(digits)} ms` : `${(value / 1_000).toFixed(1)} s`;
}

export const mib = (bytes: number): string => `${Math.round(bytes / MIB)} MiB`;

export const clock = (at: number): string => TIME.format(at);

/** A duration in its two largest units. */
export function lasted(given: number): string {
  const minutes = Math.max(0, Math.floor(given / 60_000));
  const [days, hours] = [Math.floor(minutes / 1_440), Math.floor(minutes / 60) % 24];
  if (days > 0) return `${days} d ${hours} h`;
  return hours > 0 ? `${hours} h ${minutes % 60} min` : `${minutes} min`;
}
