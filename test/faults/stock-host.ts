import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { endWithThis } from '../support/end-with-this.ts';

const SERVER = fileURLToPath(new URL('../bench/stock/server.mjs', import.meta.url));

export interface StockOptions {
  readonly redisUrl: string;
  readonly basePort: number;
  readonly workers: number;
}

/** One host of the stock chat. Resolves once all of its workers listen. */
export async function startStockHost({ redisUrl, basePort, workers }: StockOptions) {
  const env = { REDIS_URL: redisUrl, BASE_PORT: String(basePort), WORKERS: String(workers) };
  const child = spawn(process.execPath, [SERVER], {
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.once(
    'exit',
    endWithThis(() => child.kill('SIGKILL')),
  );
  const exited = once(child, 'exit');
  let stderr = '';
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk));
  const ready = new Promise<void>((resolve) => {
    child.stdout.on('data', (chunk: Buffer) => {
      if (chunk.includes('stock is ready')) resolve();
    });
  });
  await Promise.race([ready, exited]);
  if (child.exitCode !== null) throw new Error(`the stock chat did not start: ${stderr}`);
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    await exited;
  };
  return {
    pid: child.pid as number,
    output: () => ({ stderr }),
    kill9: () => end('SIGKILL'),
    stop: () => end('SIGTERM'),
    remove: async () => {},
  };
}
