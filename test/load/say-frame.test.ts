import { describe, expect, it } from 'vitest';
import { NUMBERS_FROM, textOf, textTemplate } from '../../src/load/checker/live/origin-text.ts';
import { createSayFrame, RECORD_SEPARATOR } from '../../src/load/driver/say-frame.ts';

const ORIGIN = { timeUs: 1_234_567_890, client: 3, number: NUMBERS_FROM + 7, to: 'tea' };
const packetOf = (text: string) => `42["dire à tous 🫖",{"text":${JSON.stringify(text)},"après":"é"}]`;

function unmasked(frame: Buffer, payloadBytes: number): string {
  const start = frame.length - payloadBytes;
  const mask = frame.subarray(start - 4, start);
  return Buffer.from(frame.subarray(start).map((byte, at) => byte ^ (mask[at & 3] ?? 0))).toString();
}

describe('the frame of a message', () => {
  it.each(['websocket', 'polling'] as const)(
    'has its digits in their places behind characters of several bytes: %s',
    (transport) => {
      const frame = createSayFrame(packetOf(textTemplate(3, 'tea', 100)), transport);
      const bytes = Buffer.alloc(frame.bytes);
      frame.write(bytes, 0, ORIGIN.number, ORIGIN.timeUs);
      const packet = packetOf(textOf(ORIGIN, 100));
      expect(transport === 'polling' ? bytes.toString() : unmasked(bytes, Buffer.byteLength(packet))).toBe(
        transport === 'polling' ? packet + RECORD_SEPARATOR : packet,
      );
    },
  );
});
