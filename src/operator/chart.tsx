import { lasted } from './format.ts';
import { type Area, pathOf, rangeOf, roundTop, type Values } from './line.ts';

export interface ChartLine {
  /** Absent if the chart has only this line. */
  readonly name?: string;
  readonly values: Values;
}

export interface ChartProps {
  readonly title: string;
  readonly at: readonly number[];
  /** The newest time, ms. */
  readonly to: number;
  readonly lines: readonly ChartLine[];
  readonly show: (value: number) => string;
}

const SHOWN_MS = 15 * 60_000;
/** A host that has just started has few points: they shall not be one stroke at the edge. */
const LEAST_MS = 60_000;
const [WIDTH, HEIGHT] = [300, 64];

/** Lines over the last quarter of an hour. The caption has their newest, lowest and highest values in words. */
export function Chart({ title, at, to, lines, show }: ChartProps) {
  const ranges = lines.map(({ values }) => rangeOf(values));
  const top = roundTop(Math.max(0, ...ranges.map((range) => range?.max ?? 0)));
  const shownMs = Math.min(SHOWN_MS, Math.max(LEAST_MS, to - (at[0] ?? to)));
  const area: Area = { width: WIDTH, height: HEIGHT, top, from: to - shownMs, to };
  return (
    <figure class="card chart">
      <figcaption>
        <h3>{title}</h3>
        {lines.map(({ name }, index) => {
          const range = ranges[index];
          return (
            <p key={name}>
              {name && <span class={`key key-${index}`}>{name}</span>}
              {range ? (
                <>
                  <strong>{show(range.now)}</strong>{' '}
                  <span class="quiet">
                    min {show(range.min)}, max {show(range.max)}
                  </span>
                </>
              ) : (
                <span class="quiet">nothing measured</span>
              )}
            </p>
          );
        })}
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
        <path class="grid" d={`M0 .5H${WIDTH}M0 ${HEIGHT / 2}H${WIDTH}M0 ${HEIGHT - 0.5}H${WIDTH}`} />
        {lines.map(({ name, values }, index) => (
          <path key={name} class={`line line-${index}`} d={pathOf(at, values, area)} />
        ))}
      </svg>
      <p class="scale quiet" aria-hidden="true">
        <span>{lasted(shownMs)} ago</span>
        <span>scale to {show(top)}</span>
        <span>now</span>
      </p>
    </figure>
  );
}
