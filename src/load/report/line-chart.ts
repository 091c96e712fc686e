import { type Html, html, verbatim } from './html.ts';
import type { Scale } from './scales.ts';

/** A line. Its points rise in `x`; a point without `y` interrupts it. */
export interface Series {
  readonly name: string;
  /** Colour and dashes; the same tone means the same thing in every chart. */
  readonly tone: 'main' | 'high' | 'third' | 'quiet';
  readonly points: readonly Point[];
}

export interface Point {
  readonly x: number;
  readonly y: number | undefined;
}

/** A stretch of the x axis with a name: a fault, a phase. */
export interface Band {
  readonly name: string;
  readonly kind: 'fault' | 'phase';
  readonly from: number;
  readonly to: number;
}

export interface LineChart {
  readonly title: string;
  /** The quantity on the y axis, with its unit. */
  readonly measure: string;
  readonly xName: string;
  readonly x: Scale;
  readonly y: Scale;
  readonly series: readonly Series[];
  readonly bands?: readonly Band[];
  /** The text for a pointer over that part of the x axis. */
  readonly notes?: readonly { readonly from: number; readonly to: number; readonly text: string }[];
}

const WIDTH = 760;
const HEIGHT = 270;
const LEFT = 64;
const RIGHT = 16;
const TOP = 30;
const BOTTOM = 42;
const INNER_WIDTH = WIDTH - LEFT - RIGHT;
const INNER_HEIGHT = HEIGHT - TOP - BOTTOM;
/** A fault without a length still has to be seen. */
const MIN_BAND = 2;

/** A figure with its legend; colours come from the report's style sheet. */
export function lineChart(chart: LineChart): Html {
  const { title, measure, x, y, series, bands = [], notes = [] } = chart;
  const drawn = series.filter(({ points }) => points.some((point) => point.y !== undefined));
  const phases = bands.filter(({ kind }) => kind === 'phase');
  const faults = bands.filter(({ kind }) => kind === 'fault');
  const across = (value: number) => LEFT + x.at(value) * INNER_WIDTH;
  const up = (value: number) => TOP + (1 - y.at(value)) * INNER_HEIGHT;
  return html`<figure>
<figcaption><strong>${title}</strong><span class="legend">${drawn.map(legend)}</span></figcaption>
<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${`${title}: ${measure} over ${chart.xName}`}">
${phases.map((band) => bandOf(band, 0, across))}
${faults.map((band, index) => bandOf(band, index % NAME_ROWS, across))}
${y.ticks.map(({ value, label }) => horizontal(up(value), label))}
${x.ticks.map(({ value, label }) => vertical(across(value), label))}
<text class="axis" x="0" y="14">${measure}</text>
<text class="axis" x="${WIDTH - RIGHT}" y="${HEIGHT - 6}" text-anchor="end">${chart.xName}</text>
${drawn.map((one) => line(one, across, up))}
${notes.map((note) => hover(note, across))}
</svg>
</figure>`;
}

function legend({ name, tone }: Series): Html {
  return html`<span class="key ${tone}"><svg viewBox="0 0 22 8" aria-hidden="true"><path class="line ${tone}" d="M0 4H22"/></svg>${name}</span>`;
}

/** Names of faults that follow each other closely stand below each other. */
const NAME_ROWS = 3;
const ROW_HEIGHT = 15;

function bandOf({ name, kind, from, to }: Band, row: number, across: (x: number) => number): Html {
  const left = across(from);
  const width = Math.max(MIN_BAND, across(to) - left);
  const late = left > LEFT + INNER_WIDTH * 0.8;
  return html`<rect class="band ${kind}" x="${fixed(left)}" y="${TOP}" width="${fixed(width)}" height="${INNER_HEIGHT}"/>
<text class="band ${kind}" x="${fixed(late ? left - 4 : left + (kind === 'fault' ? width : 0) + 4)}" y="${TOP + 12 + row * ROW_HEIGHT}" text-anchor="${late ? 'end' : 'start'}">${name}</text>`;
}

function horizontal(at: number, label: string): Html {
  return html`<path class="grid" d="M${LEFT} ${fixed(at)}H${WIDTH - RIGHT}"/><text class="tick" x="${LEFT - 8}" y="${fixed(at + 4)}" text-anchor="end">${label}</text>`;
}

function vertical(at: number, label: string): Html {
  return html`<path class="grid" d="M${fixed(at)} ${HEIGHT - BOTTOM}v5"/><text class="tick" x="${fixed(at)}" y="${HEIGHT - BOTTOM + 19}" text-anchor="middle">${label}</text>`;
}

function line({ tone, points }: Series, across: (x: number) => number, up: (y: number) => number): Html {
  let path = '';
  let pen = 'M';
  for (const { x, y } of points) {
    if (y === undefined) {
      pen = 'M';
      continue;
    }
    path += `${pen}${fixed(across(x))} ${fixed(up(y))}`;
    pen = 'L';
  }
  return html`<path class="line ${tone}" d="${verbatim(path)}"/>`;
}

function hover(
  { from, to, text }: { readonly from: number; readonly to: number; readonly text: string },
  across: (x: number) => number,
): Html {
  const left = across(from);
  return html`<rect class="hover" x="${fixed(left)}" y="${TOP}" width="${fixed(across(to) - left)}" height="${INNER_HEIGHT}"><title>${text}</title></rect>`;
}

const fixed = (value: number) => Number(value.toFixed(1));
