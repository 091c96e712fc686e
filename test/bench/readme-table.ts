import type { Case, Figure } from './case.ts';
import { wordsOf } from './rounds.ts';
import type { Row } from './rows.ts';
import type { Spread } from './statistics.ts';

/** Beside ours, in the order of the columns. */
const OTHERS = [
  ['sharded', 'Socket.IO, sharded'],
  ['classic', 'Socket.IO, classic'],
  ['clustered', 'Socket.IO, cluster'],
  ['ws', 'bare ws'],
  ['nchan', 'Nchan (C)'],
  ['embedded', 'ours, embedded'],
] as const;

/** The last run of each case, as it stands in the README beside this file. */
export function tableOf(cases: readonly Case[], rows: readonly Row[]): string {
  const head = ['', 'setting', ...OTHERS.map(([, title]) => title), '**ours**', 'ours ÷ sharded'];
  const runs = cases
    .filter(({ figures }) => figures.some(({ shown }) => shown !== undefined))
    .map((one) => ({ one, rows: lastRun(rows.filter((row) => row.case === one.name)) }));
  const lines = runs.flatMap((run) => linesOf(run.one, run.rows));
  const table = [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`);
  return [...table, '', ...origins(runs.flatMap((run) => run.rows)), ...failures(runs)].join('\n').trim();
}

export function lastRun(rows: readonly Row[]): Row[] {
  const last = rows
    .map(({ at }) => at)
    .sort()
    .at(-1);
  return rows.filter(({ at }) => at === last);
}

function linesOf({ name, figures }: Case, rows: readonly Row[]): string[][] {
  const settings = new Map(rows.map(({ params }) => [JSON.stringify(params), params]));
  return figures.flatMap((figure) =>
    [...settings].flatMap(([key, params]) => {
      const { shown } = figure;
      if (shown !== true && !shown?.(params)) return [];
      const of = (system: string) =>
        rows.find((row) => row.system === system && JSON.stringify(row.params) === key);
      const ours = of('roomcast');
      return [
        [
          `${name}: ${figure.title}`,
          wordsOf(params),
          ...OTHERS.map(([system]) => cellOf(figure, of(system))),
          `**${cellOf(figure, ours)}**`,
          ours?.baseline === 'sharded' ? ratioOf(ours.ratios?.[figure.value]) : '',
        ],
      ];
    }),
  );
}

function cellOf({ value, digits }: Figure, row: Row | undefined): string {
  if (row === undefined) return '';
  const spread = row.values[value];
  if (spread === undefined) return row.runs === 0 ? 'failed' : '–';
  return spread.median.toLocaleString('en-US', {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

function ratioOf(spread: Spread | undefined): string {
  if (spread === undefined) return '';
  const [median, min, max] = [spread.median, spread.min, spread.max].map((ratio) => ratio.toFixed(2));
  return min === max ? `${median}` : `${median} (${min} … ${max})`;
}

/** The place and time of the measured rows, a line for each run. */
export function origins(rows: readonly Row[]): string[] {
  const told = rows.map(
    ({ commit, node, cpu, cores, at }) => `${commit}, Node ${node}, ${cores} × ${cpu}, ${at.slice(0, 10)}`,
  );
  return [...new Set(told)].map((origin) => `Measured at ${origin}.`);
}

function failures(runs: readonly { readonly one: Case; readonly rows: readonly Row[] }[]): string[] {
  return runs.flatMap(({ one, rows }) => {
    const systems = [...new Set(rows.map(({ system }) => system))];
    return systems.flatMap((name) => {
      const failed = new Set(rows.filter(({ system }) => system === name).flatMap((row) => row.failed));
      return failed.size === 0 ? [] : [`${one.name}: ${failed.size} failed runs of ${name} are not in it.`];
    });
  });
}
