/* Readers of the quantities of the command line. Each reader returns undefined for what it cannot read. */

const SCALES: Readonly<Record<string, number>> = { '': 1, k: 1_000, m: 1_000_000 };
const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** `5000`, `5k`, `1.5k`. */
export function readCount(text: string): number | undefined {
  const [, figure, scale = ''] = /^(\d+(?:\.\d+)?)(k|m)?$/i.exec(text) ?? [];
  if (figure === undefined) return undefined;
  const count = Number(figure) * (SCALES[scale.toLowerCase()] ?? 1);
  return Math.abs(count - Math.round(count)) < 1e-9 * count ? Math.round(count) : undefined;
}

/** `200/s`, `200`, `2k/s`, `30/m`: per second. */
export function readRate(text: string): number | undefined {
  const [, figure, scale = '', unit = 's'] = /^(\d+(?:\.\d+)?)(k)?(?:\/(s|m|h))?$/i.exec(text) ?? [];
  if (figure === undefined) return undefined;
  const scaled = Number(figure) * (SCALES[scale.toLowerCase()] ?? 1);
  return (scaled * 1_000) / (UNITS_MS[unit.toLowerCase()] ?? 1_000);
}

/** `60s`, `1.5m`, `500ms`: in ms. A bare number has no unit to be sure of. */
export function readDuration(text: string): number | undefined {
  const [, figure, unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/i.exec(text) ?? [];
  const unitMs = UNITS_MS[unit.toLowerCase()];
  return unitMs === undefined ? undefined : Math.round(Number(figure) * unitMs);
}

/** `5%` or `0.05`: from 0 to 1. */
export function readShare(text: string): number | undefined {
  const [, figure, percent] = /^(\d+(?:\.\d+)?)(%)?$/.exec(text) ?? [];
  if (figure === undefined) return undefined;
  const share = Number(figure) / (percent ? 100 : 1);
  return share <= 1 ? share : undefined;
}

/** In the shortest form that the reader above takes. */
export function writeDuration(ms: number): string {
  if (ms > 0 && ms % 60_000 === 0) return `${ms / 60_000}m`;
  return ms % 1_000 === 0 || ms > 10_000 ? `${Math.round(ms / 100) / 10}s` : `${ms}ms`;
}
