import { elapsed } from './elapsed.ts';
import type { LoadOptions } from './plan/options.ts';
import type { LoadResult, StepFigures, Versus } from './result.ts';
import { openRun, type Run, type RunDeps } from './run.ts';
import { mergedStretch, stepOf } from './steps.ts';
import type { Stretch } from './timeline.ts';
import { compareTurns } from './turn-ratios.ts';

/** Short, so that a machine that gets slower meanwhile is not taken for a difference. */
const TURN_MS = 5_000;

/** One of the two servers. */
export interface Contender {
  readonly options: LoadOptions;
  readonly deps: RunDeps;
}

interface Turns {
  readonly run: Run;
  readonly stretches: Stretch[];
  readonly figures: (StepFigures | undefined)[];
  /** A step broke a limit: higher rates are not offered to it. */
  isOver: boolean;
}

type Turn = Versus['turns'][number];

/** Loads two servers by turns, A B B A, and compares them. The verdict is that on the first one. */
export async function runVersus(first: Contender, second: Contender): Promise<LoadResult> {
  const contenders = [first, second] as const;
  const turns: Turns[] = [];
  try {
    for (const { options, deps } of contenders) {
      const run = await openRun(options, deps, contenders.length);
      turns.push({ run, stretches: [], figures: [], isOver: false });
    }
    for (const { run } of turns) if (!first.deps.signal.aborted) await run.ramp();
    const plan = turnsOf(first.options);
    for (const [index, { perSecond, ms }] of plan.entries()) {
      const order = index % 2 === 0 ? [0, 1] : [1, 0];
      for (const which of order)
        await take(turns[which] as Turns, contenders[which] as Contender, perSecond, ms);
    }
    const [one, other] = await finish(turns, contenders, plan.length);
    if (one === undefined || other === undefined) throw new Error('two servers have two results');
    return { ...one, versus: compared(first.options, other, turns) };
  } finally {
    for (const { run } of turns) await run.close();
  }
}

/** The rates and times of the turns; the number of those at one rate is even. */
function turnsOf({ config }: LoadOptions): readonly { perSecond: number; ms: number }[] {
  const { stepRatesPerS: rates, durationMs, ratePerS } = config;
  if (rates.length > 0) return rates.map((perSecond) => ({ perSecond, ms: durationMs }));
  const count = 2 * Math.max(1, Math.round(durationMs / TURN_MS / 2));
  return Array.from({ length: count }, () => ({ perSecond: ratePerS, ms: durationMs / count }));
}

async function take(turns: Turns, { options, deps }: Contender, perSecond: number, ms: number) {
  const { run, stretches, figures } = turns;
  const { timeline, crowd } = run;
  const { config } = options;
  if (turns.isOver || deps.signal.aborted) {
    figures.push(undefined);
    return;
  }
  // An event while the other had its turn belongs to none.
  timeline.begin('idle', 0);
  await timeline.follow(Promise.resolve());
  const stretch = timeline.begin('load', perSecond);
  stretches.push(stretch);
  await crowd.rate({ perSecond, privateShare: config.privateShare, churnPerS: config.churnPerS });
  await timeline.follow(elapsed(ms, deps.signal));
  const talked = { ...stretch };
  await timeline.follow(crowd.pause());
  timeline.begin('idle', 0);
  const step = stepOf(talked, stretch, perSecond, config, deps.local !== undefined);
  figures.push(step);
  turns.isOver = config.stepRatesPerS.length > 0 && step.broke !== undefined;
}

async function finish(turns: readonly Turns[], contenders: readonly Contender[], planned: number) {
  const results: LoadResult[] = [];
  for (const [index, { run, stretches, figures }] of turns.entries()) {
    const { options, deps } = contenders[index] as Contender;
    const hasSteps = options.config.stepRatesPerS.length > 0;
    results.push(
      await run.finish({
        whole: mergedStretch(stretches.length > 0 ? stretches : [run.timeline.begin('load', 0)]),
        isLoaded: stretches.length > 0,
        steps: hasSteps ? figures.filter((each) => each !== undefined) : [],
        faults: [],
        endedEarly: deps.signal.aborted || stretches.length < planned,
      }),
    );
  }
  return results;
}

function compared({ config }: LoadOptions, second: LoadResult, both: readonly Turns[]): Versus {
  const [first, other] = both.map(({ figures }) => figures);
  const turns = (first ?? []).map((figures, index): Turn => {
    const others = other?.[index];
    return { ...(figures && { first: figures }), ...(others && { second: others }) };
  });
  return { second, turns, ...compareTurns(turns, config.stepRatesPerS.length > 0) };
}
