import { bytes, duration, percent, quotient, short, whole } from '../numbers.ts';
import type { Finding, LatencySummary, LoadConfig, LoadResult, WrongKind } from '../result.ts';
import { leftOutWords } from '../turn-ratios.ts';
import { type Html, html } from './html.ts';

/** A reader needs some, and the report has to stay small. */
const MAX_FINDINGS = 60;

const KINDS: Readonly<Record<WrongKind, string>> = {
  lost: 'a member should have got it and did not',
  repeated: 'one message twice to one client',
  swapped: 'after a later one, or in another order than for others',
  phantom: 'nobody said it, or not so',
  leaked: 'to a room or user it was not said to',
  ghost: 'listed in a room without a connection there',
  unlisted: 'connected, and not listed in the room',
};

const SKEWS: Readonly<Record<LoadConfig['skew'], string>> = {
  even: 'of one size',
  zipf: 'sizes by Zipf’s law',
  profile: 'sizes of a profile',
};

/** The tables of a report; those without rows are left out. */
export function tablesOf(result: LoadResult): readonly Html[] {
  const { totals, verdict, latency, servers, steps } = result;
  return [
    table('Correctness', ['', 'found', 'what it means'], wrongRows(verdict.wrong)),
    table('First findings', ['kind', 'where'], findingRows(verdict.findings)),
    table(
      'Latency',
      ['', 'count', 'mean', 'p50', 'p90', 'p99', 'p99.9', 'max'],
      [
        latencyRow('delivered to a member', latency.delivered),
        latencyRow('acknowledged', latency.acked),
        latencyRow('connected and in the room', latency.joined),
      ].flat(),
    ),
    table('Load by step', STEP_HEAD, stepRows(steps)),
    ...versusTables(result),
    table(
      'Share of each server',
      ['server', 'clients', 'deliveries', '', 'acked', 'refused'],
      serverRows(servers),
    ),
    table(
      'Refused',
      ['code', 'messages', 'of all said'],
      byCount(totals.refused).map(([code, count]) => [
        code,
        whole(count),
        percent(share(count, totals.said)),
      ]),
    ),
    table(
      'Connections that failed',
      ['reason', 'count'],
      byCount(totals.failedConnections).map(([reason, count]) => [reason, whole(count)]),
    ),
    table('Counted', ['', ''], countedRows(result)),
    table('The driver itself', ['', ''], driverRows(result)),
    table('Settings of the run', ['', ''], configRows(result)),
  ].flat();
}

type Cell = string | Html;

function table(title: string, head: readonly string[], rows: readonly (readonly Cell[])[]): readonly Html[] {
  if (rows.length === 0) return [];
  const titled = head.some((name) => name !== '');
  const numeric = (index: number) => index > 0 && rows.every((row) => isNumber(row[index]));
  return [
    html`<section><h2>${title}</h2><div class="wide"><table>
${titled ? html`<thead><tr>${head.map((name, index) => html`<th scope="col" class="${numeric(index) ? 'number' : ''}">${name}</th>`)}</tr></thead>` : undefined}
<tbody>${rows.map((row) => html`<tr>${row.map((content, index) => cell(content, index, titled))}</tr>\n`)}</tbody></table></div></section>`,
  ];
}

/** Numbers are compared down a column, so they end at one line there. */
function isNumber(content: Cell | undefined): boolean {
  return typeof content === 'string' && /^(?:[<> \d,.]+(?: (?:ms|s|%|min|[KMGT]?B))*|–)$/.test(content);
}

function cell(content: Cell, index: number, titled: boolean): Html {
  if (index === 0) return html`<th scope="row">${content}</th>`;
  return titled && isNumber(content) ? html`<td class="number">${content}</td>` : html`<td>${content}</td>`;
}

function wrongRows(wrong: Readonly<Record<WrongKind, number>>): readonly Cell[][] {
  return Object.entries(KINDS).map(([kind, meaning]) => {
    const count = wrong[kind as WrongKind];
    const shown = html`<span class="${count > 0 ? 'bad' : 'good'}">${whole(count)}</span>`;
    return [kind, shown, meaning];
  });
}

function findingRows(findings: readonly Finding[]): readonly Cell[][] {
  const rows = findings.slice(0, MAX_FINDINGS).map(({ kind, detail }) => [kind, detail]);
  const more = findings.length - rows.length;
  return more > 0 ? [...rows, ['…', `${whole(more)} more stand in the file of --json`]] : rows;
}

function latencyRow(name: string, summary: LatencySummary): readonly Cell[][] {
  const { count, meanMs, p50Ms, p90Ms, p99Ms, p999Ms, maxMs } = summary;
  if (count === 0) return [];
  return [[name, whole(count), ...[meanMs, p50Ms, p90Ms, p99Ms, p999Ms, maxMs].map(duration)]];
}

/** The other server of `--vs`. */
function versusTables({ config, versus }: LoadResult): readonly Html[] {
  if (versus === undefined) return [];
  const { second, ratios, leftOut } = versus;
  const { outcome, reasons } = second.verdict;
  const urls = second.config.urls.join(', ');
  return [
    ...table(
      `Compared with ${urls}`,
      ['', config.urls.join(', '), urls, 'ratio, median', 'least', 'most'],
      [
        ...ratios.map(({ name, first, second: other, median, least, most }) => [
          name,
          ...[first, other].map(short),
          ...[median, least, most].map(quotient),
        ]),
        ...leftOutWords(leftOut).map((words) => [words, '', '', '', '', '']),
      ],
    ),
    ...table(`Verdict on ${urls}`, ['', ''], [[outcome.replaceAll('-', ' '), reasons.join(' ')]]),
    ...table(`Load by step of ${urls}`, STEP_HEAD, stepRows(second.steps)),
  ];
}

const STEP_HEAD = [
  'offered, says/s',
  'said/s',
  'acked/s',
  'deliveries/s',
  'p50',
  'p99',
  'errors',
  'server cores',
  'µs per delivery',
  'driver cores',
  '',
];

function stepRows(steps: LoadResult['steps']): readonly Cell[][] {
  return steps.map((step) => [
    whole(step.offeredPerS),
    whole(step.saidPerS),
    whole(step.ackedPerS),
    whole(step.deliveredPerS),
    duration(step.p50Ms),
    duration(step.p99Ms),
    percent(step.errorShare),
    step.serverCores === undefined ? '–' : short(step.serverCores),
    step.serverUsPerDelivery === undefined ? '–' : short(step.serverUsPerDelivery),
    short(step.driverCores),
    step.broke ?? '',
  ]);
}

function serverRows(servers: LoadResult['servers']): readonly Cell[][] {
  const all = servers.reduce((sum, { delivered }) => sum + delivered, 0);
  return servers.map(({ url, worker, clients, delivered, acked, refused }) => [
    worker === undefined ? url : `${url}, worker ${worker}`,
    whole(clients),
    whole(delivered),
    html`<meter value="${share(delivered, all).toFixed(3)}">${percent(share(delivered, all))}</meter> ${percent(share(delivered, all))}`,
    whole(acked),
    whole(refused),
  ]);
}

function countedRows({ totals, tookMs }: LoadResult): readonly Cell[][] {
  return [
    ['said', whole(totals.said)],
    ['due and never said', whole(totals.unsaid)],
    ['acknowledged', whole(totals.acked)],
    ['neither acknowledged nor refused', whole(totals.unanswered)],
    ['delivered to members of rooms', whole(totals.delivered)],
    ...(totals.privateDelivered > 0 ? [['delivered in private', whole(totals.privateDelivered)]] : []),
    ['clients that got in', whole(totals.joined)],
    ['clients that were not in at the end', whole(totals.absent)],
    ['connections cut', whole(totals.cut)],
    ['of these, back with everything they had missed', whole(totals.resumed)],
    ['messages the server itself reported as gone', whole(totals.reportedGone)],
    ...(totals.reordered === undefined
      ? []
      : [['pairs that members got in different orders', whole(totals.reordered)]]),
    ['read', bytes(totals.bytesRead)],
    ['took', duration(tookMs)],
  ];
}

function driverRows({ driver, machine }: LoadResult): readonly Cell[][] {
  return [
    ['processes', whole(driver.processes)],
    ['CPU per delivery', `${short(driver.cpuUsPerDelivery)} µs`],
    [
      'sent later than planned, p99 and most',
      `${duration(driver.scheduleLagP99Ms)}, ${duration(driver.scheduleLagMaxMs)}`,
    ],
    [
      'its event loops late, p99 and most',
      `${duration(driver.loopDelayP99Ms)}, ${duration(driver.loopDelayMaxMs)}`,
    ],
    ['memory', bytes(driver.rssBytes)],
    [
      'machine',
      `${machine.cpuModel}, ${whole(machine.cores)} cores, ${machine.platform}, Node ${machine.node}`,
    ],
  ];
}

function configRows({ config }: LoadResult): readonly Cell[][] {
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['servers', config.urls.join(', ')],
    ['protocol', config.dialect],
    ['transport', config.transport],
    ['clients', whole(config.clients)],
    ['rooms', `${whole(config.rooms)}, ${SKEWS[config.skew]}`],
    ['said per second', short(config.ratePerS)],
    [config.replay?.textSizes ? 'mean size of a text' : 'size of a text', bytes(config.textBytes)],
    ['connected per second', short(config.rampPerS)],
    ['for', duration(config.durationMs)],
    ['clients replaced per second', config.churnPerS > 0 ? short(config.churnPerS) : undefined],
    ['said in private', config.privateShare > 0 ? percent(config.privateShare) : undefined],
    ['p99 may be', config.maxP99Ms === undefined ? undefined : duration(config.maxP99Ms)],
    ['may fail', percent(config.maxErrorShare)],
    ['faults', config.faults.length > 0 ? config.faults.join(', ') : undefined],
    ['seed', String(config.seed)],
  ];
  return rows.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
}

function byCount(counts: Readonly<Record<string, number>>): readonly (readonly [string, number])[] {
  return Object.entries(counts).sort(([, one], [, other]) => other - one);
}

const share = (part: number, all: number) => (all > 0 ? part / all : 0);
