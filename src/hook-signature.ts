import { createHmac } from 'node:crypto';

export const SIGNATURE_HEADER = 'Roomcast-Signature';

/** Signs the time and the body, so that a receiver can refuse both a forged body and an old one sent again. */
export function signatureOf(secret: string, body: string, nowMs: number): string {
  const t = Math.floor(nowMs / 1_000);
  return `t=${t},v1=${createHmac('sha256', secret).update(`${t}.${body}`).digest('hex')}`;
}
