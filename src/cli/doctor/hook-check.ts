import type { Settings } from '../../config/settings.ts';
import { SIGNATURE_HEADER, signatureOf } from '../../hook-signature.ts';
import type { Finding } from './finding.ts';

type HookSettings = Pick<
  Settings,
  'hookUrl' | 'hookSecret' | 'hookTimeoutMs' | 'hookBeforeSayUrl' | 'hookBeforeSayTimeoutMs'
>;

export interface HookCheckDeps extends HookSettings {
  /** Ms since 1970. */
  readonly now: () => number;
  readonly newId: () => string;
}

interface Receiver {
  /** The setting that names it. */
  readonly setting: string;
  readonly url: string;
  readonly timeoutMs: number;
  readonly trial: object;
  /** The name of the trial in a finding. */
  readonly trialName: string;
  readonly isAnswer: (text: string) => boolean;
  /** The answer that it must give. */
  readonly wanted: string;
}

/** The server reads no longer answer either. */
const MAX_ANSWER_CHARS = 2_097_152;

/**
 * Posts a signed request that no receiver has to act on: without events to HOOK_URL, and of the type `trial` to
 * HOOK_BEFORE_SAY_URL.
 */
export async function checkHooks(deps: HookCheckDeps): Promise<Finding[]> {
  const { hookUrl, hookSecret: secret, hookBeforeSayUrl, now } = deps;
  if (secret === undefined) return [];
  const receivers: Receiver[] = [];
  if (hookUrl !== undefined)
    receivers.push({
      setting: 'HOOK_URL',
      url: hookUrl,
      timeoutMs: deps.hookTimeoutMs,
      trial: { events: [] },
      trialName: 'a signed request without events',
      isAnswer: () => true,
      wanted: '2xx',
    });
  if (hookBeforeSayUrl !== undefined)
    receivers.push({
      setting: 'HOOK_BEFORE_SAY_URL',
      url: hookBeforeSayUrl,
      timeoutMs: deps.hookBeforeSayTimeoutMs,
      trial: { id: deps.newId(), type: 'trial', at: now() },
      trialName: 'a signed request of the type trial',
      isAnswer: isVerdict,
      wanted: '2xx with {"allow":true}',
    });
  return (await Promise.all(receivers.map((receiver) => check(receiver, secret, now)))).flat();
}

async function check(
  { setting, url, timeoutMs, trial, trialName, isAnswer, wanted }: Receiver,
  secret: string,
  now: () => number,
): Promise<Finding[]> {
  const body = JSON.stringify(trial);
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'roomcast',
    [SIGNATURE_HEADER]: signatureOf(secret, body, now()),
  };
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    const response = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal });
    if (!response.ok) {
      await response.body?.cancel();
      return found(
        `the receiver of ${setting} answers ${trialName} with status ${response.status}`,
        `Let it answer ${wanted}; if it refuses the signature, compare HOOK_SECRET and the clocks`,
      );
    }
    if (isAnswer(await textOf(response))) return [];
    return found(
      `the receiver of ${setting} answers ${trialName} with something else than a verdict`,
      `Let it answer ${wanted}`,
    );
  } catch (error) {
    const { name, cause } = error as { name?: string; cause?: { code?: string } };
    return found(
      `the receiver of ${setting} does not answer: ${cause?.code ?? name ?? 'failed'}`,
      `Start it, or correct ${setting}`,
    );
  }
}

/** Returns an empty text if the answer is longer. Leaving the loop cancels the rest. */
async function textOf({ body }: Response): Promise<string> {
  let text = '';
  if (!body) return text;
  for await (const part of body.pipeThrough(new TextDecoderStream())) {
    text += part;
    if (text.length > MAX_ANSWER_CHARS) return '';
  }
  return text;
}

function isVerdict(text: string): boolean {
  try {
    return typeof (JSON.parse(text) as { allow?: unknown } | null)?.allow === 'boolean';
  } catch {
    return false;
  }
}

function found(problem: string, fix: string): Finding[] {
  return [{ subject: 'webhooks', problem, fix }];
}
