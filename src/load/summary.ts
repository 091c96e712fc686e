import { duration, quotient, short, whole } from './numbers.ts';
import type { LoadProgress } from './progress.ts';
import type { LoadResult, StepFigures, Versus } from './result.ts';
import { leftOutWords } from './turn-ratios.ts';

/** One line of progress, for a log. */
export function progressLine({
  config,
  contender,
  phase,
  atMs,
  second,
  totals,
  wrong,
}: LoadProgress): string {
  const perS = (count: number) => whole((count / second.tookMs) * 1_000);
  const bad = wrong.lost + wrong.repeated + wrong.swapped + wrong.phantom + wrong.leaked;
  const parts = [
    ...(contender === undefined ? [] : [contender]),
    `${(atMs / 1_000).toFixed(0)} s`,
    phase,
    `${whole(second.connected)} of ${whole(config.clients)} connected`,
    `said ${perS(second.said)}/s`,
    `delivered ${perS(second.delivered)}/s`,
    ...(second.p50Ms === undefined
      ? []
      : [`p50 ${duration(second.p50Ms)}`, `p99 ${duration(second.p99Ms ?? 0)}`]),
    ...Object.entries(totals.refused).map(([code, times]) => `${code} ${whole(times)}`),
    `wrong ${whole(bad)}`,
  ];
  return parts.join('  ');
}

/** The result of a run, in a few lines. */
export function summaryOf(result: LoadResult): string {
  const { verdict, totals, latency, driver, servers, steps } = result;
  const rows: [string, string][] = [
    [
      'said',
      `${whole(totals.said)} of ${whole(totals.said + totals.unsaid)} that were due, acked ${whole(totals.acked)}, unanswered ${whole(totals.unanswered)}`,
    ],
    ['delivered', whole(totals.delivered)],
    ['latency', latencyWords(latency.delivered)],
    ['ack', latencyWords(latency.acked)],
    ['join', latencyWords(latency.joined)],
    ['refused', wordsOf(totals.refused)],
    ['failed connections', wordsOf(totals.failedConnections)],
    ['not in at the end', whole(totals.absent)],
    ['cut, resumed', `${whole(totals.cut)}, ${whole(totals.resumed)}`],
    ['reported as gone', whole(totals.reportedGone)],
    ...(totals.reordered === undefined
      ? []
      : ([['in different orders', `${whole(totals.reordered)} pairs`]] as [string, string][])),
    [
      'driver',
      `${driver.cpuUsPerDelivery.toFixed(2)} µs per delivery, late ${duration(driver.loopDelayP99Ms)} at p99`,
    ],
    ...servers.map(({ url, worker, clients, delivered }): [string, string] => [
      worker === undefined ? url : `${url} worker ${worker}`,
      `${whole(clients)} clients, ${whole(delivered)} delivered`,
    ]),
  ];
  const width = Math.max(...rows.map(([name]) => name.length)) + 2;
  const lines = [
    '',
    ...rows.map(([name, words]) => `${name.padEnd(width)}${words}`),
    ...(steps.length > 0 ? ['', ...curve(steps)] : []),
    ...(result.versus ? ['', ...comparison(result.config.urls, result.versus)] : []),
    '',
    `${verdict.outcome.toUpperCase().replaceAll('-', ' ')}: ${verdict.reasons.join(' ')}`,
    ...verdict.findings.map(({ kind, detail }) => `  ${kind}: ${detail}`),
    ...verdict.notChecked.map((words) => `Not checked: ${words}`),
    `Again: ${result.command}`,
  ];
  return `${lines.join('\n')}\n`;
}

/** The other server, and the ratios of both. */
function comparison(urls: readonly string[], { second, ratios, turns, leftOut }: Versus): string[] {
  const rows = ratios.map(({ name, first, second: other, median, least, most }) => [
    name,
    short(first),
    short(other),
    `${quotient(median)} (${quotient(least)} … ${quotient(most)})`,
  ]);
  const { outcome, reasons } = second.verdict;
  const isLoaded = turns.some((turn) => turn.second !== undefined);
  const verdict = isLoaded
    ? `${outcome.replaceAll('-', ' ')}: ${reasons.join(' ')}`
    : 'not loaded: the run ended early';
  return [
    `A: ${urls.join(', ')}`,
    `B: ${second.config.urls.join(', ')}: ${verdict}`,
    ...(second.steps.length > 0 ? ['', 'B:', ...curve(second.steps), ''] : []),
    ...(rows.length > 0 ? aligned(['', 'A', 'B', 'A ÷ B'], rows) : []),
    ...leftOutWords(leftOut),
  ];
}

/** The curve of `--steps`. */
function curve(steps: readonly StepFigures[]): string[] {
  const head = [
    'offered/s',
    'said/s',
    'delivered/s',
    'p50 ms',
    'p99 ms',
    'errors %',
    'driver cores',
    'server cores',
  ];
  const rows = steps.map((step) => [
    whole(step.offeredPerS),
    whole(step.saidPerS),
    whole(step.deliveredPerS),
    step.p50Ms.toFixed(1),
    step.p99Ms.toFixed(1),
    (step.errorShare * 100).toFixed(2),
    step.driverCores.toFixed(2),
    step.serverCores?.toFixed(2) ?? '–',
  ]);
  return [...aligned(head, rows), ...steps.flatMap(({ broke }) => broke ?? [])];
}

function aligned(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((name, at) => Math.max(name.length, ...rows.map((row) => row[at]?.length ?? 0)));
  return [head, ...rows].map((row) => row.map((cell, at) => cell.padStart(widths[at] ?? 0)).join('  '));
}

function latencyWords({ count, p50Ms, p90Ms, p99Ms, p999Ms, maxMs }: LoadResult['latency']['acked']): string {
  if (count === 0) return 'nothing measured';
  return `p50 ${duration(p50Ms)}, p90 ${duration(p90Ms)}, p99 ${duration(p99Ms)}, p99.9 ${duration(p999Ms)}, max ${duration(maxMs)}`;
}

function wordsOf(counts: Readonly<Record<string, number>>): string {
  const words = Object.entries(counts).map(([name, times]) => `${name} ${whole(times)}`);
  return words.length === 0 ? '0' : words.join(', ');
}
