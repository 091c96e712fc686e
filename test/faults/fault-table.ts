import { readFile } from 'node:fs/promises';
import { replaceTable, tableIn } from '../bench/marked-table.ts';
import type { Plan } from './plan.ts';
import { falsePresenceOf, isConclusive, type Row, seconds } from './report.ts';

const README = new URL('../README.md', import.meta.url);
const NAME = 'faults';

/** The row of a plan that could not be played to its end. */
export interface UnfinishedRow {
  readonly unfinished: Plan;
}

export type TableRow = Row | UnfinishedRow;

const HEADER = [
  'fault',
  'acked',
  'unknown',
  'refused',
  'delivered of expected',
  'lost',
  'repeated',
  'swapped',
  'leaked',
  'false presence',
  'every room flows again after',
  'largest worker',
  'stock: lost',
  'missed while away',
  'repeated',
  'swapped',
  'flows again after',
];

export function tableOf(rows: readonly TableRow[]): string {
  return [...headOf(), ...rows.map(lineOf)].join('\n');
}

/**
 * The new rows in place of those of the same faults in an earlier table. The others stay, unless the columns have changed.
 * `plans` are all faults of the table, in its order.
 */
export function mergedTable(
  earlier: string,
  rows: readonly TableRow[],
  plans: readonly Pick<Plan, 'title'>[],
): string {
  const [header = '', rule = ''] = headOf();
  const kept = earlier.startsWith(`${header}\n`) ? earlier.split('\n').slice(2) : [];
  const fresh = rows.map(lineOf);
  const merged = plans.flatMap(({ title }) => {
    const line = fresh.find(isAbout(title)) ?? kept.find(isAbout(title));
    return line === undefined ? [] : [line];
  });
  return [header, rule, ...merged].join('\n');
}

/** Puts the rows into the table of the README. */
export async function updateReadme(rows: readonly TableRow[], plans: readonly Plan[]): Promise<void> {
  const earlier = tableIn(await readFile(README, 'utf8'), NAME);
  await replaceTable(README, mergedTable(earlier, rows, plans), NAME);
}

function headOf(): readonly string[] {
  return [HEADER, HEADER.map(() => '---')].map(lineOfCells);
}

/** A remark in brackets may stand behind the title. */
function isAbout(title: string): (line: string) => boolean {
  return (line) => line.startsWith(`| ${title} |`) || line.startsWith(`| ${title} (`);
}

function lineOf(row: TableRow): string {
  if (!('unfinished' in row)) return lineOfCells(cellsOf(row));
  const [, ...others] = HEADER;
  return lineOfCells([`${row.unfinished.title} (did not end)`, ...others.map(() => '')]);
}

function lineOfCells(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

function cellsOf({ outcome, judgement, stock }: Row): string[] {
  const { plan, effects } = outcome;
  return [
    isConclusive(outcome) ? plan.title : `${plan.title} (inconclusive: nobody felt it)`,
    count(judgement.acked),
    count(judgement.unknown),
    count(effects.refused),
    `${count(judgement.delivered)} of ${count(judgement.expected)}`,
    count(judgement.lost),
    count(judgement.repeated),
    count(judgement.swapped),
    count(judgement.leaked),
    count(falsePresenceOf(outcome)),
    seconds(outcome.flowsAgainMs),
    `${Math.round(outcome.maxRssBytes / 1e6)} MB`,
    ...(stock
      ? [
          count(stock.tally.lost),
          count(stock.tally.missed),
          count(stock.tally.repeated),
          count(stock.tally.swapped),
          seconds(stock.outcome.flowsAgainMs),
        ]
      : ['', '', '', '', '']),
  ];
}

function count(number: number): string {
  return number.toLocaleString('en-US');
}
