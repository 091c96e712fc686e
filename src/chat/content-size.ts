import { type Refusal, refuse } from '../protocol/codes.ts';
import { JSON_BYTES_PER_TEXT_BYTE } from '../protocol/limits.ts';

export interface ContentLimits {
  readonly maxTextBytes: number;
}

/** The content of a message. `data` is JSON text. */
export interface SizedContent {
  readonly text?: string | undefined;
  readonly data?: string | undefined;
}

/** Refuses a content that is longer than the settings allow. */
export function tooLarge(
  { text = '', data = '' }: SizedContent,
  { maxTextBytes }: ContentLimits,
): Refusal | undefined {
  if (isLonger(text, maxTextBytes)) {
    return refuse('too_large', `text: must not be longer than ${maxTextBytes} bytes`);
  }
  const maxDataBytes = maxTextBytes * JSON_BYTES_PER_TEXT_BYTE;
  if (!isLonger(data, maxDataBytes)) return undefined;
  return refuse('too_large', `data: must not be longer than ${maxDataBytes} bytes as JSON`);
}

/** A character takes three bytes at most, so the bytes need counting only near the limit. */
function isLonger(text: string, maxBytes: number): boolean {
  return text.length * 3 > maxBytes && Buffer.byteLength(text) > maxBytes;
}
