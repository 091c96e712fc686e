/** A line of a chart: null where nothing was measured. */
export type Values = readonly (number | null)[];

export interface Area {
  readonly width: number;
  readonly height: number;
  /** The value at the upper edge; 0 is the lower one. */
  readonly top: number;
  /** The times of the left and the right edge, ms. */
  readonly from: number;
  readonly to: number;
}

/** The line as the path of an SVG. It has a gap where nothing was measured, and a short stroke for a lone value. */
export function pathOf(at: readonly number[], values: Values, area: Area): string {
  const { width, height, top, from, to } = area;
  const steps: string[] = [];
  let drawing = false;
  for (const [index, value] of values.entries()) {
    const time = at[index];
    if (value === null || time === undefined || time < from) {
      drawing = false;
      continue;
    }
    const x = (((time - from) / (to - from)) * width).toFixed(1);
    const y = (height - (Math.min(value, top) / top) * height).toFixed(1);
    steps.push(drawing ? `L${x} ${y}` : `M${x} ${y}h1`);
    drawing = true;
  }
  return steps.join('');
}

export interface Range {
  readonly now: number;
  readonly min: number;
  readonly max: number;
}

/** The last value and the extremes; undefined if nothing was measured. */
export function rangeOf(values: Values): Range | undefined {
  const known = values.filter((value) => value !== null);
  const now = known.at(-1);
  return now === undefined ? undefined : { now, min: Math.min(...known), max: Math.max(...known) };
}

/** A round number that is not below the value, so that the scale does not move with every point. */
export function roundTop(value: number): number {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5, 10].find((step) => value <= step * power) ?? 10) * power;
}
