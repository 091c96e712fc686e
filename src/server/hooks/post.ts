import { SIGNATURE_HEADER, signatureOf } from '../../hook-signature.ts';

export interface HookPostDeps {
  readonly url: string;
  readonly secret: string;
  /** The answer, with its body if that is wanted, must be here by then. */
  readonly timeoutMs: number;
  /** Ms since 1970. */
  readonly now: () => number;
}

export type PostResult =
  | { readonly taken: true; readonly text: string }
  /** `reason` names a status or a cause, and never what was sent or answered. */
  | {
      readonly taken: false;
      readonly reason: string;
      /** The status of the answer, if one came. */
      readonly status?: number;
      readonly retryAfterMs?: number;
      /** No whole answer came in time. */
      readonly timedOut?: true;
    };

/** `closing` ends the request at once: then the events may be taken or not. */
export type HookPost = (body: string, closing?: AbortSignal) => Promise<PostResult>;

const LONGEST_RETRY_AFTER_MS = 600_000;

/**
 * Posts signed JSON. Any 2xx means taken. Redirects are not followed: the operator chose the address, and nobody who
 * answers may choose another. At most `maxAnswerBytes` of the answer are read, and connections are kept open between calls.
 */
export function createHookPost(deps: HookPostDeps, maxAnswerBytes = 0): HookPost {
  const { url, secret, timeoutMs, now } = deps;
  return async (body, closing) => {
    // AbortSignal.any of Node 20 keeps every signal for as long as the longest lives.
    const ending = new AbortController();
    const end = () => ending.abort();
    const late = setTimeout(() => ending.abort(new DOMException('late', 'TimeoutError')), timeoutMs);
    closing?.addEventListener('abort', end);
    try {
      closing?.throwIfAborted();
      const response = await fetch(url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'user-agent': 'roomcast',
          [SIGNATURE_HEADER]: signatureOf(secret, body, now()),
        },
        body,
        redirect: 'manual',
        signal: ending.signal,
      });
      if (!response.ok) {
        await response.body?.cancel();
        const retryAfterMs = retryAfterIn(response.headers.get('retry-after'), now());
        const { status } = response;
        return {
          taken: false,
          reason: `status ${status}`,
          status,
          ...(retryAfterMs !== undefined && { retryAfterMs }),
        };
      }
      const text = await firstBytes(response, maxAnswerBytes);
      return text === undefined ? { taken: false, reason: 'the answer is too long' } : { taken: true, text };
    } catch (error) {
      const timedOut = (error as { name?: string }).name === 'TimeoutError';
      return { taken: false, reason: causeOf(error), ...(timedOut && { timedOut }) };
    } finally {
      clearTimeout(late);
      closing?.removeEventListener('abort', end);
    }
  };
}

/** Returns undefined if the answer is longer; with a limit of 0 the answer does not matter. */
async function firstBytes({ body }: Response, maxBytes: number): Promise<string | undefined> {
  if (maxBytes === 0) await body?.cancel();
  if (!body || maxBytes === 0) return '';
  const parts: Uint8Array[] = [];
  let bytes = 0;
  // Leaving the loop cancels the rest.
  for await (const part of body) {
    bytes += part.byteLength;
    if (bytes > maxBytes) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** Seconds or a date. */
function retryAfterIn(header: string | null, nowMs: number): number | undefined {
  if (header === null) return undefined;
  const ms = /^\d+$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - nowMs;
  return Number.isFinite(ms) ? Math.min(Math.max(0, ms), LONGEST_RETRY_AFTER_MS) : undefined;
}

function causeOf(error: unknown): string {
  const { name, cause } = error as { name?: string; cause?: { code?: string } };
  return cause?.code ?? name ?? 'failed';
}
