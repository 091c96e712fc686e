import { duration, percent, short, whole } from '../numbers.ts';
import type { LoadProgress } from '../progress.ts';
import type { Phase } from '../result.ts';

export type Tone = 'plain' | 'quiet' | 'strong' | 'good' | 'bad';

/** A stretch of a line with its look; a line is cut to the terminal before colours are added. */
export interface Segment {
  readonly text: string;
  readonly tone: Tone;
}

export type Line = readonly Segment[];

const NAME_WIDTH = 11;
const MIN_BAR = 10;
const MAX_BAR = 40;
/** Columns of the first line that are no bar. */
const BESIDE_BAR = 38;
/** More servers are summed up, so that the picture stays one screen. */
const MAX_SERVERS = 6;

const PHASES: Readonly<Record<Phase, string>> = {
  ramp: 'connecting',
  load: 'under load',
  idle: 'waiting for its turn',
  settle: 'waiting for the last deliveries',
};

/** The picture of a run at a moment, a line each. */
export function frameOf(progress: LoadProgress, columns: number): readonly Line[] {
  const { config, second, totals } = progress;
  const perS = (count: number) => whole(second.tookMs > 0 ? (count / second.tookMs) * 1_000 : 0);
  const lines: Line[] = [
    barLine(progress, columns),
    row(
      'connected',
      `${whole(second.connected)} of ${whole(config.clients)}`,
      cutWords(totals.cut, totals.resumed),
    ),
    row('said', `${perS(second.said)}/s`, `${offeredWords(progress)}${whole(totals.said)} in all`),
    row('delivered', `${perS(second.delivered)}/s`, `${whole(totals.delivered)} in all`),
    row('latency', ...latencyWords(progress)),
    row('refused', ...refusedWords(progress)),
    wrongLine(progress),
    row('servers', ...serverWords(progress)),
    row('CPU', ...cpuWords(progress)),
  ];
  return lines.map((line) => cutTo(line, columns));
}

function barLine(
  { atMs, plannedMs, phase, offeredPerS, config, contender }: LoadProgress,
  columns: number,
): Line {
  const done = plannedMs > 0 ? Math.min(1, atMs / plannedMs) : 1;
  const width = Math.max(MIN_BAR, Math.min(MAX_BAR, columns - BESIDE_BAR));
  const filled = Math.round(done * width);
  const step = config.stepRatesPerS.indexOf(offeredPerS);
  const steps = step >= 0 ? `, step ${step + 1} of ${config.stepRatesPerS.length}` : '';
  return [
    { text: '█'.repeat(filled), tone: 'good' },
    { text: '░'.repeat(width - filled), tone: 'quiet' },
    { text: ` ${`${Math.floor(done * 100)}`.padStart(3)} %`, tone: 'strong' },
    {
      text: `  ${clock(atMs)} of ${clock(plannedMs)}  ${contender === undefined ? '' : `${contender}: `}${PHASES[phase]}${steps}`,
      tone: 'plain',
    },
  ];
}

function row(name: string, value: string, more = ''): Line {
  return [
    { text: name.padEnd(NAME_WIDTH), tone: 'quiet' },
    { text: value, tone: 'plain' },
    { text: more === '' ? '' : `   ${more}`, tone: 'quiet' },
  ];
}

function cutWords(cut: number, resumed: number): string {
  return cut === 0 ? '' : `${whole(cut)} were cut, ${whole(resumed)} came back without a loss`;
}

function offeredWords({ phase, offeredPerS }: LoadProgress): string {
  return phase === 'load' ? `${short(offeredPerS)}/s offered, ` : '';
}

function latencyWords({ second }: LoadProgress): [string, string?] {
  const { p50Ms, p99Ms, maxMs, ackP99Ms } = second;
  if (p50Ms === undefined || p99Ms === undefined) return ['–'];
  const ack = ackP99Ms === undefined ? '' : `, acknowledged p99 ${duration(ackP99Ms)}`;
  return [`p50 ${duration(p50Ms)}  p99 ${duration(p99Ms)}`, `max ${duration(maxMs ?? p99Ms)}${ack}`];
}

function refusedWords({ totals }: LoadProgress): [string, string?] {
  const codes = Object.entries({ ...totals.refused, ...totals.failedConnections });
  const all = codes.reduce((sum, [, count]) => sum + count, 0);
  const most = codes.sort(([, one], [, other]) => other - one).slice(0, 4);
  return [whole(all), most.map(([code, count]) => `${code} ${whole(count)}`).join(', ')];
}

function wrongLine({ wrong }: LoadProgress): Line {
  const counts = Object.entries(wrong);
  const shown = counts.filter(([kind, count]) => count > 0 || ['lost', 'repeated', 'swapped'].includes(kind));
  return [
    { text: 'wrong'.padEnd(NAME_WIDTH), tone: 'quiet' },
    ...shown.map(
      ([kind, count], index): Segment => ({
        text: `${index > 0 ? '  ' : ''}${kind} ${whole(count)}`,
        tone: count > 0 ? 'bad' : 'good',
      }),
    ),
  ];
}

function serverWords({ servers }: LoadProgress): [string, string?] {
  const all = servers.reduce((sum, { delivered }) => sum + delivered, 0);
  const shown = servers.slice(0, MAX_SERVERS).map(({ url, worker, delivered }) => {
    const name = worker === undefined ? url.replace(/^\w+:\/\//, '') : `worker ${worker}`;
    return `${name} ${percent(all > 0 ? delivered / all : 0)}`;
  });
  const more = servers.length - shown.length;
  return [shown.length === 0 ? '–' : shown.join('  '), more > 0 ? `and ${more} more` : undefined];
}

function cpuWords({ second }: LoadProgress): [string, string?] {
  const { driverCores, serverCores, driverLagP99Ms } = second;
  const server = serverCores === undefined ? '' : `servers ${serverCores.toFixed(2)} cores  `;
  return [
    `${server}driver ${driverCores.toFixed(2)} cores`,
    `driver late ${duration(driverLagP99Ms)} at p99`,
  ];
}

function clock(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  const [h, m, s] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (value: number) => `${value}`.padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** A line that wraps would stay on the screen when the picture is drawn again. */
function cutTo(line: Line, columns: number): Line {
  let left = columns - 1;
  return line.flatMap(({ text, tone }) => {
    const kept = text.slice(0, Math.max(0, left));
    left -= text.length;
    return kept === '' ? [] : [{ text: kept, tone }];
  });
}
