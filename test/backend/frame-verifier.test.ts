import { describe, expect, it } from 'vitest';
import type { DroppedFrame } from '../../src/backend/dropped-frames.ts';
import { createFrameSigner } from '../../src/backend/redis/bus/frame-signer.ts';
import { createFrameVerifier, FRAME_LIFE_MS } from '../../src/backend/redis/bus/frame-verifier.ts';
import { createServerClock } from '../../src/backend/redis/connection/server-clock.ts';

const SECRET = 's'.repeat(32);
const CHANNEL = 'rc#/#room:{tag}#';

/** A worker that signs and one that verifies, by one clock of Redis and one that cannot be set. */
function busForTest() {
  let elapsedMs = 0;
  let clockMs: number | undefined = 1_000_000_000_000;
  const dropped: DroppedFrame[] = [];
  const newSigner = () => createFrameSigner({ secrets: [SECRET], clockMs: () => clockMs });
  const signer = newSigner();
  const verifier = createFrameVerifier({
    secrets: [SECRET],
    acceptsUnsigned: false,
    clockMs: () => clockMs,
    onDropped: (why) => dropped.push(why),
    now: () => elapsedMs,
  });
  const publish = (frame: string) => Buffer.from(signer.sign(CHANNEL, frame));
  return {
    dropped,
    publish,
    /** The process that sends them publishes nothing else. */
    publishOnce: (frame: string) => Buffer.from(newSigner().sign(CHANNEL, frame)),
    sizes: verifier.sizes,
    arrives: (frame: Buffer) => verifier.verify(CHANNEL, frame)?.toString(),
    pass(ms: number) {
      elapsedMs += ms;
      if (clockMs !== undefined) clockMs += ms;
    },
    setClock(ms: number | undefined) {
      clockMs = ms;
    },
  };
}

describe('a signed frame', () => {
  it.each(['probe', '', '\u00fc"],"nsp":'])('that is no JSON arrives as it was: %j', (text) => {
    const { publish, arrives } = busForTest();
    expect(arrives(publish(text))).toBe(text);
  });

  it('that is JSON has one member more', () => {
    const { publish, arrives } = busForTest();
    const frame = arrives(publish('{"uid":"a","text":"ü \\",\\"bus\\":\\""}')) ?? '';
    expect(JSON.parse(frame)).toEqual({ uid: 'a', text: 'ü ","bus":"', bus: expect.any(String) });
  });

  it('arrives in any order, and once', () => {
    const { publish, arrives, dropped } = busForTest();
    const frames = Array.from({ length: 2_000 }, (_, index) => publish(`frame ${index}`));
    const shuffled = [...frames].reverse();
    expect(shuffled.filter((frame) => arrives(frame) === undefined)).toEqual([]);
    expect(frames.filter((frame) => arrives(frame) !== undefined)).toEqual([]);
    expect(dropped).toEqual(frames.map(() => 'replayed'));
  });

  it('counts as repeated once its sender has published 16,384 times since', () => {
    const { publish, arrives, dropped } = busForTest();
    const late = publish('late');
    for (let index = 1; index < 16_384; index += 1) publish('lost');
    const just = publish('just in time');
    expect(arrives(publish('new'))).toBe('new');
    expect(arrives(just)).toBe('just in time');
    expect(arrives(late)).toBeUndefined();
    expect(dropped).toEqual(['replayed']);
  });

  it('is stale after 30 s, also for a worker that has not seen it', () => {
    const { publish, arrives, pass, dropped } = busForTest();
    const [first, second] = [publish('first'), publish('second')];
    pass(FRAME_LIFE_MS);
    expect(arrives(first)).toBe('first');
    pass(1);
    expect(arrives(second)).toBeUndefined();
    expect(dropped).toEqual(['stale']);
  });

  it('is never good again, however long its sender is silent', () => {
    const { publish, arrives, pass, setClock, dropped } = busForTest();
    setClock(1_000_000_000_000 + FRAME_LIFE_MS);
    // Signed by a worker that read a clock of later.
    const early = publish('early');
    setClock(1_000_000_000_000);
    expect(arrives(early)).toBe('early');
    for (let second = 0; second < 300; second += 1) {
      pass(1_000);
      arrives(early);
    }
    expect(new Set(dropped)).toEqual(new Set(['replayed', 'stale']));
    expect(dropped).toHaveLength(300);
  });

  it('keeps a window of its sender until that is silent for three minutes, and a forged one keeps nothing', () => {
    const { publish, publishOnce, arrives, sizes, pass } = busForTest();
    for (let n = 0; n < 20; n += 1) {
      arrives(publishOnce('once'));
      arrives(changed(publishOnce('{"text":"forged"}'), 3));
    }
    arrives(publish('first'));
    expect(sizes()).toEqual({ senders: 21, earlier: 0 });
    pass(3 * FRAME_LIFE_MS);
    arrives(publish('second'));
    expect(sizes()).toEqual({ senders: 1, earlier: 21 });
    pass(3 * FRAME_LIFE_MS);
    arrives(publish('third'));
    expect(sizes()).toEqual({ senders: 1, earlier: 1 });
  });

  it('is dropped while the time of Redis is unknown', () => {
    const { publish, arrives, setClock, dropped } = busForTest();
    const frame = publish('frame');
    setClock(undefined);
    expect(arrives(frame)).toBeUndefined();
    expect(dropped).toEqual(['stale']);
  });

  it.each([
    ['its last byte', (frame: Buffer) => frame.subarray(0, -1)],
    ['a byte of its text', (frame: Buffer) => changed(frame, 1)],
    ['its sender', (frame: Buffer) => changed(frame, frame.indexOf('"bus":"') + 8)],
    ['its tag', (frame: Buffer) => changed(frame, frame.length - 3)],
  ])('is dropped without %s as it was', (_, change) => {
    const { publish, arrives, dropped } = busForTest();
    expect(arrives(change(publish('{"text":"frame"}')))).toBeUndefined();
    expect(dropped).toHaveLength(1);
  });
});

function changed(frame: Buffer, index: number): Buffer {
  const copy = Buffer.from(frame);
  copy[index] = copy[index] === 0x61 ? 0x62 : 0x61;
  return copy;
}

describe('the clock of Redis', () => {
  it('goes on between two readings, and tells when it was set', () => {
    let elapsedMs = 0;
    let steps = 0;
    const clock = createServerClock({ now: () => elapsedMs, stepMs: 1_000, onStep: () => (steps += 1) });
    const reading = (ms: number) => clock.onInfo(`run_id:a\r\nserver_time_usec:${ms * 1_000}\r\n`);
    expect(clock.nowMs()).toBeUndefined();
    reading(5_000);
    elapsedMs += 700;
    expect(clock.nowMs()).toBe(5_700);
    reading(5_600);
    expect([clock.nowMs(), steps]).toEqual([5_600, 0]);
    reading(2_000);
    expect([clock.nowMs(), steps]).toEqual([2_000, 1]);
  });
});
