import type { Settings } from '../../config/settings.ts';
import { SIGNATURE_HEADER, signatureOf } from '../../hook-signature.ts';
import type { Finding } from './finding.ts';

export interface HookCheckDeps extends Pick<Settings, 'hookUrl' | 'hookSecret' | 'hookTimeoutMs'> {
  /** Ms since 1970. */
  readonly now: () => number;
}

/** Posts a signed request without events to HOOK_URL: a receiver that takes it has nothing to do. */
export async function checkHooks(deps: HookCheckDeps): Promise<Finding[]> {
  const { hookUrl: url, hookSecret: secret, hookTimeoutMs: timeoutMs, now } = deps;
  if (url === undefined || secret === undefined) return [];
  const body = JSON.stringify({ events: [] });
  const headers = {
    'content-type': 'application/json',
    'user-agent': 'roomcast',
    [SIGNATURE_HEADER]: signatureOf(secret, body, now()),
  };
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    const response = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal });
    await response.body?.cancel();
    if (response.ok) return [];
    return [
      found(
        `the receiver of HOOK_URL answers a signed request without events with status ${response.status}`,
        'Let it answer 2xx; if it refuses the signature, compare HOOK_SECRET and the clocks',
      ),
    ];
  } catch (error) {
    const { name, cause } = error as { name?: string; cause?: { code?: string } };
    return [
      found(
        `the receiver of HOOK_URL does not answer: ${cause?.code ?? name ?? 'failed'}`,
        'Start it, or correct HOOK_URL',
      ),
    ];
  }
}

function found(problem: string, fix: string): Finding {
  return { subject: 'webhooks', problem, fix };
}
