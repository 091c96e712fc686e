import type { RunOutcome } from './fault-run.ts';
import { type Judgement, judge } from './judge.ts';
import type { StockTally } from './stock-check.ts';

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

/** The number of notices of a join or quit that did not happen. */
export function falsePresenceOf({ plan, effects }: RunOutcome): number {
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

export function seconds(ms: number): string {
  return ms === Infinity ? 'never' : `${(ms / 1_000).toFixed(1)} s`;
}
