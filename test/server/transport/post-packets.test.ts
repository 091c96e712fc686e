import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { hasMorePackets } from '../../../src/server/transport/post-packets.ts';

/** Engine.IO's own, which its package does not export. */
const { decodePayload } = createRequire(import.meta.resolve('engine.io'))('./build/parser-v3/index.js') as {
  decodePayload(payload: string | Buffer, tell: (packet: { type: string }) => void): void;
};

function packetsIn(payload: string | Buffer): number {
  let packets = 0;
  decodePayload(payload, ({ type }) => {
    if (type !== 'error') packets += 1;
  });
  return packets;
}

describe('the packets of a body of 2.x', () => {
  it.each([
    ...['2:4x', '1:4', '4:4äöü', ' 1:4', '1e0:4', '0x1:4', '01:4'],
    ...[
      [0, 1, 255, 52],
      [0, 0, 1, 255, 52],
      [1, 2, 255, 4, 9],
      [0, 255],
      [7, 255, 52],
      [0, 12, 255, ...Array(14).fill(52)],
      [255],
      [0, 254, 255, 52],
    ].map((bytes) => Buffer.from(bytes)),
  ])('are never more than were counted: %j over and over', (part) => {
    const body = typeof part === 'string' ? part.repeat(300) : Buffer.concat(Array(300).fill(part));
    const packets = packetsIn(body);
    if (packets > 0) expect(hasMorePackets(body, 3, packets - 1)).toBe(true);
    expect(hasMorePackets(body, 3, 600)).toBe(false);
  });
});
