import fc from 'fast-check';
import type { Target } from './target.ts';

/** One kind of door to the system, and what is thrown at it. */
export interface Surface<Input = unknown> {
  readonly name: string;
  /** The only mode that has this door. */
  readonly mode?: 'embedded' | 'cluster';
  readonly input: fc.Arbitrary<Input>;
  /** Sends them, at least those of one link in their order; answers what is wrong with the answers. */
  send(target: Target, inputs: readonly Input[]): Promise<readonly string[]>;
}

export interface FuzzOptions {
  readonly seed: number;
  /** Where in the inputs of the seed to begin. */
  readonly path?: string;
  readonly limitMs: number;
  readonly batches?: number;
  readonly say: (line: string) => void;
}

export interface Finding {
  readonly seed: number;
  readonly path: string;
  readonly why: string;
  readonly inputs: string;
}

const MAX_BATCH = 40;
/** How long to look for a smaller failure; each death costs a start. */
const SHRINK_MS = 60_000;
const MAX_SHOWN_CHARS = 4_000;

/** Sends batches until the time is over or something is wrong; then looks for the smallest batch with which it still is. */
export async function fuzz<Input>(
  surface: Surface<Input>,
  target: Target,
  { seed, path, limitMs, batches = Number.MAX_SAFE_INTEGER, say }: FuzzOptions,
): Promise<Finding | undefined> {
  let sent = 0;
  let underWay: Promise<unknown> = Promise.resolve();
  const batch = fc.array(surface.input, { minLength: 1, maxLength: MAX_BATCH, size: 'max' });
  async function send(inputs: readonly Input[]): Promise<void> {
    sent += inputs.length;
    const answers = await surface
      .send(target, inputs)
      .catch((error: Error) => [error.stack ?? error.message]);
    const broken = target.broken();
    if (broken.length > 0) await target.restore();
    const wrong = [...broken, ...answers];
    if (wrong.length > 0) throw new Error(wrong.join('; '));
  }
  const property = fc.asyncProperty(batch, (inputs) => {
    const sending = send(inputs);
    underWay = sending.catch(() => undefined);
    return sending;
  });
  /** The library leaves what is under way when the time is over. */
  async function check(options: fc.Parameters<[Input[]]>): Promise<fc.RunDetails<[Input[]]>> {
    const details = await fc.check(property, { seed, numRuns: batches, ...options });
    await underWay;
    return details;
  }
  const startedAt = performance.now();
  const first = await check({
    ...(path === undefined ? {} : { path }),
    endOnFailure: true,
    interruptAfterTimeLimit: limitMs,
  });
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  if (!first.failed) {
    const settled = await target.settle();
    say(`${surface.name}: ${sent} inputs in ${seconds} s, ${settled.summary}`);
    if (settled.wrong.length === 0) return undefined;
    return tell({ seed, path: '', why: settled.wrong.join('; '), inputs: '' });
  }
  const smallest = await check({
    path: first.counterexamplePath ?? '',
    interruptAfterTimeLimit: SHRINK_MS,
  });
  const shown = smallest.counterexample ? smallest : first;
  return tell({
    seed,
    path: shown.counterexamplePath ?? '',
    why: String((shown.errorInstance as Error | undefined)?.message ?? first.errorInstance),
    inputs: fc.stringify(shown.counterexample?.[0]),
  });

  function tell(finding: Finding): Finding {
    say(`${surface.name}: FAILED after ${sent} inputs: ${finding.why}`);
    say(`  again with --surface ${surface.name} --seed ${seed} --path ${finding.path}`);
    say(`  ${finding.inputs.slice(0, MAX_SHOWN_CHARS)}`);
    return finding;
  }
}

/** What each of several links at once is to send. */
export function shared<Input>(inputs: readonly Input[], perLink: number): Input[][] {
  const links: Input[][] = [];
  for (let at = 0; at < inputs.length; at += perLink) links.push(inputs.slice(at, at + perLink));
  return links;
}
