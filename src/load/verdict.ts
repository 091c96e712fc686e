import type { WrongCounts } from './checker/live/findings.ts';
import {
  EXIT_CODES,
  type Finding,
  type LoadConfig,
  type LoadVerdict,
  type Outcome,
  type Totals,
  WRONG_KINDS,
  type WrongKind,
} from './result.ts';

/** The measurements that the verdict needs. */
export interface Evidence {
  readonly config: LoadConfig;
  readonly totals: Totals;
  /** False: the run ended before the clients were to talk. */
  readonly isLoaded: boolean;
  readonly wrong: WrongCounts;
  readonly findings: readonly Finding[];
  readonly uncompared: number;
  /** The part of the messages of rooms with members in several processes that was compared between these. */
  readonly sharedComparedShare: number;
  /** Counted as lost because they had not come when the wait ended. */
  readonly overdue: number;
  readonly p99Ms: number;
  readonly lagP99Ms: number;
  readonly loopDelayP99Ms: number;
  /** The limits that a run with `--steps` broke at its first step; later ones are what it looks for. */
  readonly firstStepBroke: string | undefined;
  /** The order that was proved, in words. */
  readonly order: string;
  readonly notChecked: readonly string[];
}

const WORDS: Readonly<Record<WrongKind, string>> = {
  lost: 'lost',
  repeated: 'repeated',
  swapped: 'out of order',
  phantom: 'said by nobody',
  leaked: 'delivered to others than they were said to',
  ghost: 'listed in a room without a connection',
  unlisted: 'connected and not listed in the room',
};

/**
 * Weighs what was found: wrong, driver too slow, threshold missed, good. A driver that was late does not blame the
 * server for what lateness may cause: messages that had not come at the end, member lists, thresholds.
 */
export function judge(evidence: Evidence): LoadVerdict {
  const { config, totals, findings } = evidence;
  const late = lateness(evidence);
  const wrong: WrongCounts = { ...evidence.wrong };
  const notChecked = [...evidence.notChecked];
  if (late !== undefined) {
    wrong.lost = Math.max(0, wrong.lost - evidence.overdue);
    wrong.ghost = 0;
    wrong.unlisted = 0;
    notChecked.push(
      'What was late at the end, the members of the rooms and the limits: the driver itself was late.',
    );
  }
  if (evidence.uncompared > 0)
    notChecked.push(
      `${evidence.uncompared} deliveries: they, or the answers to their messages, came too late to be compared.`,
    );
  if (totals.absent > 0)
    notChecked.push(`What ${totals.absent} clients got that were not in their rooms at the end.`);
  const faults = WRONG_KINDS.filter((kind) => wrong[kind] > 0);
  const missed = missedLimits(evidence);
  const outcome: Outcome =
    faults.length > 0
      ? 'wrong'
      : late !== undefined
        ? 'driver-too-slow'
        : missed.length > 0
          ? 'threshold-missed'
          : 'good';
  const gone =
    totals.reportedGone === 0 ? '' : `, except ${totals.reportedGone} that the server reported as gone`;
  const proved = `${totals.delivered} messages came once, ${evidence.order} and to nobody else${gone}.`;
  const reasons: Readonly<Record<Outcome, readonly string[]>> = {
    wrong: faults.map((kind) => sentence(kind, wrong[kind])),
    'driver-too-slow': [late ?? ''],
    'threshold-missed': missed,
    good: [proved],
  };
  return {
    outcome,
    exitCode: EXIT_CODES[outcome],
    reasons: reasons[outcome],
    wrong,
    findings: findings.filter(({ kind }) => wrong[kind] > 0),
    comparedShare:
      totals.delivered === 0
        ? 0
        : Math.max(0, Math.min(1 - evidence.uncompared / totals.delivered, evidence.sharedComparedShare)),
    notChecked: config.privateShare > 0 ? [...notChecked, PRIVATE_LIMIT] : notChecked,
  };
}

const NOT_LOADED = 'The run ended before the load began.';
const PRIVATE_LIMIT = 'What users got into their inboxes while they were away.';

function sentence(kind: WrongKind, times: number): string {
  const what = kind === 'ghost' || kind === 'unlisted' ? 'user' : 'message';
  return `${times} ${what}${times === 1 ? ' was' : 's were'} ${WORDS[kind]}.`;
}

function lateness({ config: { maxLagMs }, lagP99Ms, loopDelayP99Ms }: Evidence): string | undefined {
  const worst = Math.max(lagP99Ms, loopDelayP99Ms);
  if (worst <= maxLagMs) return undefined;
  return (
    `The driver was ${Math.round(worst)} ms late at p99, more than ${maxLagMs} ms (--max-lag): ` +
    'give it more CPU, more --processes or less load.'
  );
}

/** The part of requests and connections that failed. */
export function errorShareOf({
  said,
  unsaid,
  acked,
  failedConnections,
  joined,
  absent = 0,
}: ErrorCounts): number {
  const failed = Object.values(failedConnections).reduce((sum, times) => sum + times, absent);
  const tried = said + unsaid + joined + failed;
  return tried === 0 ? 0 : (Math.max(0, said - acked) + unsaid + failed) / tried;
}

export type ErrorCounts = Pick<Totals, 'said' | 'unsaid' | 'acked' | 'failedConnections' | 'joined'> &
  Partial<Pick<Totals, 'absent'>>;

function missedLimits({ config, totals, isLoaded, p99Ms, firstStepBroke }: Evidence): string[] {
  if (!isLoaded) return [NOT_LOADED];
  const missed: string[] = [];
  const hasSteps = config.stepRatesPerS.length > 0;
  if (firstStepBroke !== undefined) missed.push(firstStepBroke);
  if (!hasSteps && config.maxP99Ms !== undefined && p99Ms > config.maxP99Ms)
    missed.push(`p99 was ${p99Ms.toFixed(1)} ms, above ${config.maxP99Ms} ms (--max-p99).`);
  const share = errorShareOf(totals);
  if (!hasSteps && share > config.maxErrorShare)
    missed.push(
      `${percent(share)} of messages and connections failed, above ${percent(config.maxErrorShare)} (--max-errors).`,
    );
  if (totals.joined === 0) missed.push('No client got in.');
  else if (totals.delivered === 0) missed.push('Nothing was delivered.');
  return missed;
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(3))} %`;
}
