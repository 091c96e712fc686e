import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { RunOutcome } from './fault-run.ts';
import { type Judgement, judge } from './judge.ts';
import type { StockTally } from './stock-check.ts';

const README = fileURLToPath(new URL('../README.md', import.meta.url));
const START = '<!-- faults -->';
const END = '<!-- /faults -->';

export interface Row {
  readonly outcome: RunOutcome;
  readonly judgement: Judgement;
  readonly stock?: { readonly outcome: RunOutcome; readonly tally: StockTally };
}

export function rowOf(outcome: RunOutcome): Row {
  const { records, finals, plan } = outcome;
  return { outcome, judgement: judge(records, finals, plan.mayLose !== undefined) };
}

/** Whether the run showed what it is for: a fault that nobody felt proves nothing. */
export function isConclusive({ plan, effects }: RunOutcome): boolean {
  const { connectionsLost, retries, refused, bites, repairs, late } = effects;
  return plan.name === 'none' || connectionsLost + retries + refused + bites + repairs + late > 0;
}

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

export function tableOf(rows: readonly Row[]): string {
  const lines = [HEADER, HEADER.map(() => '---'), ...rows.map(cellsOf)];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
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

/** The number of notices of a join or quit that did not happen. */
function falsePresenceOf({ plan, effects }: RunOutcome): number {
  return effects.falsePresence + (plan.cutsOff ? 0 : effects.unheardPresence);
}

/** What is wrong with a run, in a line each; nothing for a clean one. */
export function problemsOf({ outcome, judgement }: Row): string[] {
  const { plan, deaf, pending, away, unexpectedExits, errorLines } = outcome;
  const found = [...judgement.problems];
  if (!isConclusive(outcome)) found.push('inconclusive: nobody felt the fault');
  if (plan.mayLose === 'unacked' && judgement.storeLost > 0)
    found.push(`the store lost ${judgement.storeLost} acked messages`);
  const falsePresence = falsePresenceOf(outcome);
  if (falsePresence > 0) found.push(`${falsePresence} times somebody came or went who did not`);
  if (deaf !== 0) found.push(`${deaf} members recorded nothing at all`);
  if (pending > 0) found.push(`${pending} messages without an answer at the end`);
  if (away > 0) found.push(`${away} members were not back in their rooms at the end`);
  if (unexpectedExits > 0) found.push(`${unexpectedExits} processes ended by themselves`);
  if (outcome.flowsAgainMs === Infinity) found.push('a room never flowed again');
  if (errorLines.length > 0) found.push(`${errorLines.length} error lines, first: ${errorLines[0]}`);
  return found.map((problem) => `${plan.name}: ${problem}`);
}

export function lineOf({ outcome, judgement: of }: Row): string {
  const { plan, effects, flowsAgainMs, maxRssBytes } = outcome;
  const felt = Object.entries(effects)
    .filter(([, times]) => times > 0)
    .map(([what, times]) => `${what} ${times}`);
  return [
    `${plan.name}: acked ${of.acked} unknown ${of.unknown} delivered ${of.delivered}/${of.expected}`,
    `lost ${of.lost} repeated ${of.repeated} swapped ${of.swapped} leaked ${of.leaked} given up ${of.waived}, gone from the store ${of.storeLost}, told ${of.reportedLosses} times`,
    `flows again after ${seconds(flowsAgainMs)}, worker ≤ ${Math.round(maxRssBytes / 1e6)} MB`,
    `felt: ${felt.join(', ') || 'nothing'}`,
  ].join('; ');
}

/** Puts the table between its markers. */
export async function updateReadme(table: string): Promise<void> {
  const text = await readFile(README, 'utf8');
  const [start, end] = [text.indexOf(START), text.indexOf(END)];
  if (start < 0 || end < start) throw new Error(`README.md has no ${START} … ${END}`);
  await writeFile(README, `${text.slice(0, start + START.length)}\n\n${table}\n\n${text.slice(end)}`);
}

function count(number: number): string {
  return number.toLocaleString('en-US');
}

function seconds(ms: number): string {
  return ms === Infinity ? 'never' : `${(ms / 1_000).toFixed(1)} s`;
}
