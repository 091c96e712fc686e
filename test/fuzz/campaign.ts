import fc from 'fast-check';
import type { Target } from './target.ts';

/** One kind of door to the system, and what is thrown at it. */
export interface Surface<Input = unknown> {
  readonly name: string;
  /** The only mode that has this door. */
  readonly mode?: 'embedded' | 'cluster';
  readonly input: fc.Arbitrary<Input>;
  /** Sends them, at least those of one connection in their order; answers what is wrong with the answers. */
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
  let runs = 0;
  let failure: { readonly why: string; readonly inputs: readonly Input[] } | undefined;
  let underWay: Promise<unknown> = Promise.resolve();

  async function send(inputs: readonly Input[]): Promise<void> {
    if (target.broken().length > 0) await target.restore();
    sent += inputs.length;
    const answers = await surface
      .send(target, inputs)
      .catch((error: Error) => [error.stack ?? error.message]);
    const wrong = [...target.broken(), ...answers];
    if (wrong.length === 0) return;
    failure = { why: wrong.join('; '), inputs };
    throw new Error(failure.why);
  }

  const batch = fc.array(surface.input, { minLength: 1, maxLength: MAX_BATCH, size: 'max' });
  const property = fc.asyncProperty(batch, (inputs) => {
    const sending = send(inputs);
    runs += 1;
    underWay = sending.catch(() => undefined);
    return sending;
  });
  /** When the time is over, the library leaves what is under way; that may fail, too. */
  async function check(options: fc.Parameters<[Input[]]>): Promise<string | undefined> {
    const details = await fc.check(property, { seed, numRuns: batches, ...options });
    await underWay;
    return details.counterexamplePath ?? undefined;
  }

  const startedAt = performance.now();
  const from = path === undefined ? {} : { path };
  const failed = await check({ ...from, endOnFailure: true, interruptAfterTimeLimit: limitMs });
  let failedAt = failed ?? String(runs - 1);
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  if (!failure) {
    const { wrong, summary } = await target.settle();
    say(`${surface.name}: ${sent} inputs in ${seconds} s, ${summary}`);
    if (wrong.length === 0) return undefined;
    failure = { why: wrong.join('; '), inputs: [] };
  } else {
    say(`${surface.name}: FAILED after ${sent} inputs, looks for the smallest`);
    const again = await check({ path: failedAt, interruptAfterTimeLimit: SHRINK_MS });
    if (again === undefined) say('  it did not fail again');
    failedAt = again ?? failedAt;
  }
  // Shrinking goes on from what failed, so the last failure is the smallest.
  const { why, inputs } = failure;
  say(`${surface.name}: FAILED: ${why}`);
  say(`  again with --surface ${surface.name} --seed ${seed} --path ${failedAt}`);
  say(`  ${JSON.stringify(inputs).slice(0, MAX_SHOWN_CHARS)}`);
  return { seed, path: failedAt, why, inputs: JSON.stringify(inputs) };
}

/** What each of several connections at once is to send. */
export function shared<Input>(inputs: readonly Input[], perConnection: number): Input[][] {
  const connections: Input[][] = [];
  for (let at = 0; at < inputs.length; at += perConnection)
    connections.push(inputs.slice(at, at + perConnection));
  return connections;
}
