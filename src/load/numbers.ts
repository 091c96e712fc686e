/* Numbers as people read them; the report is in English. */

const SIGNIFICANT = 3;

export function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** Three digits that count; small numbers keep what is behind the point, great ones lose nothing before it. */
export function short(value: number): string {
  if (Math.abs(value) >= 1_000) return whole(value);
  return value.toLocaleString('en-US', { maximumSignificantDigits: SIGNIFICANT });
}

/** A figure divided by another; null: the other was 0. */
export function quotient(value: number | null): string {
  return value === null ? '∞' : value.toFixed(2);
}

export function duration(ms: number): string {
  if (ms < 1_000) return `${short(ms)} ms`;
  if (ms < 120_000) return `${short(ms / 1_000)} s`;
  const minutes = Math.floor(ms / 60_000);
  const seconds = Math.round((ms - minutes * 60_000) / 1_000);
  return seconds === 0 ? `${whole(minutes)} min` : `${whole(minutes)} min ${seconds} s`;
}

/** `share`: 0 to 1. */
export function percent(share: number): string {
  const value = share * 100;
  // A part that is not all must not read as all, nor a small one as nothing.
  if (share < 1 && value > 99.95) return '> 99.9 %';
  if (share > 0 && value < 0.05) return '< 0.1 %';
  return `${value.toLocaleString('en-US', { maximumFractionDigits: 1 })} %`;
}

export function bytes(count: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let value = count;
  let unit = 0;
  while (value >= 1_000 && unit < units.length - 1) {
    value /= 1_000;
    unit++;
  }
  return `${short(value)} ${units[unit]}`;
}
