import type { Params } from './case.ts';
import { lastRun } from './readme-table.ts';
import type { Row } from './rows.ts';

interface SummaryRow {
  readonly title: string;
  readonly case: string;
  readonly params: Params;
  readonly value: string;
  readonly unit: string;
  readonly digits: number;
  readonly divideBy?: number;
  readonly moreIsBetter?: true;
}

const QUIET = { members: 100, offered: 20_000 };
const FLOOD = { members: 100, offered: 200_000 };

/** The eight figures of the top README: what a stranger asks first, wins and losses alike. */
const SUMMARY: readonly SummaryRow[] = [
  {
    title: 'CPU per delivery, rooms of 100, 20,000 deliveries/s',
    case: 'fan-out',
    params: QUIET,
    value: 'workerUs',
    unit: 'µs',
    digits: 1,
  },
  {
    title: 'the same with 200,000 deliveries/s offered',
    case: 'fan-out',
    params: FLOOD,
    value: 'workerUs',
    unit: 'µs',
    digits: 1,
  },
  {
    title: 'deliveries/s of one worker then',
    case: 'fan-out',
    params: FLOOD,
    value: 'deliveredPerS',
    unit: '',
    digits: 0,
    moreIsBetter: true,
  },
  {
    title: 'delivery latency then, p99',
    case: 'fan-out',
    params: FLOOD,
    value: 'p99Ms',
    unit: 'ms',
    digits: 0,
  },
  {
    title: 'memory per idle connection',
    case: 'idle-memory',
    params: { connections: 10_000 },
    value: 'pssBytes',
    unit: 'kB',
    digits: 1,
    divideBy: 1_000,
  },
  {
    title: 'CPU per message, 1,000 rooms of 5, store included',
    case: 'small-rooms',
    params: { rooms: 1_000, members: 'on both' },
    value: 'saidUs',
    unit: 'µs',
    digits: 0,
  },
  {
    title: 'delivery latency at 2,000 messages/s, median',
    case: 'latency',
    params: { load: 'busy', saysPerS: 2_000 },
    value: 'deliverP50Ms',
    unit: 'ms',
    digits: 1,
  },
  {
    title: 'CPU to connect and join',
    case: 'connect',
    params: { connections: 5_000 },
    value: 'connectUs',
    unit: 'ms',
    digits: 2,
    divideBy: 1_000,
  },
];

/** The last run of each, the better value in bold; the factor is the median of the pairs, not the quotient of medians. */
export function summaryOf(rows: readonly Row[]): string {
  const head = ['', 'stock Socket.IO + Redis', 'Roomcast', ''];
  const lines = SUMMARY.map((figure) =>
    cellsOf(figure, lastRun(rows.filter((row) => row.case === figure.case))),
  );
  return [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function cellsOf(figure: SummaryRow, rows: readonly Row[]): string[] {
  const of = (system: string) => {
    const row = rows.find((one) => one.system === system && hasParams(one, figure.params));
    if (row?.values[figure.value] === undefined) throw new Error(`${figure.title}: no run of ${system}`);
    return row;
  };
  const ours = of('roomcast');
  const ratio = ours.ratios?.[figure.value]?.median ?? Number.NaN;
  const weAreBetter = ratio > 1 === (figure.moreIsBetter ?? false);
  const stock = shown(figure, of('sharded'));
  return [
    figure.title,
    weAreBetter ? stock : `**${stock}**`,
    weAreBetter ? `**${shown(figure, ours)}**` : shown(figure, ours),
    ratio > 1 ? `${ratio.toFixed(1)} × more` : `${(1 / ratio).toFixed(1)} × less`,
  ];
}

function hasParams({ params }: Row, wanted: Params): boolean {
  return Object.entries(wanted).every(([name, value]) => params[name] === value);
}

function shown({ value, unit, digits, divideBy = 1 }: SummaryRow, row: Row): string {
  const number = (row.values[value]?.median ?? Number.NaN) / divideBy;
  const options = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return `${number.toLocaleString('en-US', options)} ${unit}`.trim();
}
