import { io, type Socket } from 'socket.io-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient } from '../../src/client/index.ts';
import type { Bye } from '../../src/protocol/events.ts';
import { eventually } from '../support/eventually.ts';
import { MODES, type System, startSystem } from '../support/system.ts';

const RATE = 20;
const EACH = 30;
/** The number of clients let in at once after a calm, see chat/connect-queue.ts. */
const BURST = RATE / 4;
/** The connections of each SDK user. */
const TABS = 3;

describe.each(MODES)('RATE_ADMIT in %s mode', (mode) => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem(mode, { RATE_ADMIT: String(RATE) });
  });
  afterAll(() => system.stop());

  const entrance = (n: number) => system.workerUrls[n % system.workers] as string;

  it('lets a crowd in at the rate, every tab of the SDK at its own time, and stock clients that ignore theirs too', async () => {
    const startedAt = performance.now();
    const cameAt: number[] = [];
    const came = () => cameAt.push(performance.now() - startedAt);
    const byesOf: Bye[][] = [];
    const clients = Array.from({ length: EACH }, (_, n) => {
      const byes: Bye[] = [];
      byesOf.push(byes);
      const client = createClient(entrance(n), { userId: `user-${Math.floor(n / TABS)}` });
      client.on('state', ({ state }) => state === 'online' && came());
      client.on('bye', (bye) => byes.push(bye));
      return client;
    });
    const stock: Socket[] = Array.from({ length: EACH }, (_, n) =>
      io(entrance(n), {
        forceNew: true,
        transports: ['websocket'],
        query: { username: `Stock ${n}` },
        // Every other one is behind a proxy that hides its address.
        ...(n % 2 === 0 && { extraHeaders: { 'X-Forwarded-For': `203.0.113.${n}` } }),
        reconnectionDelay: 200,
        reconnectionDelayMax: 1_000,
      }).on('hello', came),
    );
    await eventually(() => expect(cameAt).toHaveLength(2 * EACH), { timeout: 60_000, interval: 50 });
    for (const client of clients) client.close();
    for (const socket of stock) socket.close();

    // Never more than the rate allows.
    for (const [place, at] of cameAt.entries()) {
      expect(place).toBeLessThanOrEqual(BURST + 1 + ((at + 1) / 1_000) * RATE);
    }
    const byes = byesOf.flat();
    expect(byes.length).toBeGreaterThan(0);
    for (const bye of byes) expect(bye).toMatchObject({ code: 3504, reconnect: true });
    // They are let in when they come back. On a busy machine one may give up before its hello.
    expect(byesOf.filter(({ length }) => length > 1).length).toBeLessThan(EACH / 10);
  });
});
