import type { Ratio, StepFigures, Versus } from './result.ts';

type Turn = Versus['turns'][number];
type Pair = Required<Turn>;

/**
 * Divides the first server's figures by the second's, turn by turn. A server that delivers nothing has no latency and
 * no CPU per delivery: such turns count for the deliveries only, and `leftOut` says how many they are.
 */
export function compareTurns(turns: readonly Turn[], hasSteps: boolean): Pick<Versus, 'ratios' | 'leftOut'> {
  const pairs = turns.flatMap(({ first, second }) => (first && second ? [{ first, second }] : []));
  const delivering = pairs.filter(({ first, second }) => first.deliveredPerS > 0 && second.deliveredPerS > 0);
  return {
    leftOut: pairs.length - delivering.length,
    ratios: [
      ...(hasSteps && pairs.length > 0 ? highest(turns) : []),
      ...ratioOf('delivered/s', pairs, ({ deliveredPerS }) => deliveredPerS),
      ...ratioOf('p50 ms', delivering, ({ p50Ms }) => p50Ms),
      ...ratioOf('p99 ms', delivering, ({ p99Ms }) => p99Ms),
      ...ratioOf('server CPU, µs per delivery', delivering, ({ serverUsPerDelivery }) => serverUsPerDelivery),
    ],
  };
}

/** The most deliveries per second at which neither p99 nor errors broke a limit. */
function highest(turns: readonly Turn[]): readonly Ratio[] {
  const most = (which: keyof Turn) =>
    Math.max(
      0,
      ...turns.map((turn) => {
        const figures = turn[which];
        return figures === undefined || figures.broke !== undefined ? 0 : figures.deliveredPerS;
      }),
    );
  return ratioOfValues('highest delivered/s within the limits', [
    { one: most('first'), other: most('second') },
  ]);
}

function ratioOf(
  name: string,
  pairs: readonly Pair[],
  read: (figures: StepFigures) => number | undefined,
): readonly Ratio[] {
  const values = pairs.flatMap(({ first, second }) => {
    const [one, other] = [read(first), read(second)];
    return one !== undefined && other !== undefined ? [{ one, other }] : [];
  });
  return ratioOfValues(name, values);
}

function ratioOfValues(
  name: string,
  values: readonly { readonly one: number; readonly other: number }[],
): readonly Ratio[] {
  const quotients = values
    .filter(({ one, other }) => one > 0 || other > 0)
    .map(({ one, other }) => one / other);
  if (quotients.length === 0) return [];
  return [
    {
      name,
      first: medianOf(values.map(({ one }) => one)),
      second: medianOf(values.map(({ other }) => other)),
      median: finite(medianOf(quotients)),
      least: finite(Math.min(...quotients)),
      most: finite(Math.max(...quotients)),
    },
  ];
}

/** JSON has no infinity. */
function finite(quotient: number): number | null {
  return Number.isFinite(quotient) ? quotient : null;
}

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? 0) + (sorted[Math.floor(middle)] ?? 0)) / 2;
}

/** Why latency and CPU are of fewer turns than the deliveries. */
export function leftOutWords(leftOut: number): string[] {
  if (leftOut === 0) return [];
  const turns = leftOut === 1 ? '1 turn' : `${leftOut} turns`;
  return [`Latency and CPU are without ${turns} in which a server delivered nothing.`];
}
