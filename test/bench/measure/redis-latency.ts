import { once } from 'node:events';
import { connect } from 'node:net';
import type { Histogram } from 'hdr-histogram-js';
import { createHistogram, record } from '../../../src/load/driver/ledger.ts';

/** Rare enough to cost Redis next to nothing. */
const EVERY_MS = 50;
const US_PER_MS = 1_000;

/** The times in which a Redis answers a PING on a connection of its own, µs. */
export interface RedisLatency {
  /** PINGs so far. */
  asked(): number;
  /** Ends the measurement. */
  stop(): Histogram;
}

export async function measureRedisLatency(path: string): Promise<RedisLatency> {
  const socket = connect({ path });
  await once(socket, 'connect');
  const latencyUs = createHistogram();
  let askedAt = 0;
  let next: NodeJS.Timeout | undefined;

  function ask(): void {
    askedAt = performance.now();
    socket.write('PING\r\n');
  }
  socket.on('data', () => {
    record(latencyUs, (performance.now() - askedAt) * US_PER_MS);
    next = setTimeout(ask, EVERY_MS);
  });
  ask();

  return {
    asked: () => latencyUs.totalCount,
    stop() {
      clearTimeout(next);
      socket.destroy();
      return latencyUs;
    },
  };
}
