import { createServer } from 'node:net';

/** Below the range the kernel takes outgoing ports from, so that a client's port is never in the way. */
const LOWEST = 20_000;
const HIGHEST = 31_000;

/** Files that run at the same time each take ports of a part of their own: between the look and the use another could take one. */
const PARTS = 4;

/** The first of `count` ports in a row that are free now. */
export async function freePorts(count: number): Promise<number> {
  const part = Number(process.env.VITEST_POOL_ID ?? 0) % PARTS;
  const size = Math.floor((HIGHEST - LOWEST) / PARTS);
  for (;;) {
    const first = LOWEST + part * size + Math.floor(Math.random() * (size - count));
    const free = await Promise.all(Array.from({ length: count }, (_, index) => isFree(first + index)));
    if (free.every(Boolean)) return first;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
