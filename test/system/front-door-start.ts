import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { freePorts } from '../support/ports.ts';

export interface Cluster {
  readonly process: ChildProcess;
  readonly front: number;
  readonly admin: number;
  /** The next line of JSON it prints. */
  line(): Promise<unknown>;
}

/** A primary and two workers, in processes of their own. */
export async function startCluster(): Promise<Cluster> {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', fileURLToPath(new URL('./front-door-cluster.ts', import.meta.url))],
    {
      env: { ...process.env, BASE_PORT: String(await freePorts(2)) },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  // A test that is given up on must not leave it running.
  const endWithUs = () => child.kill('SIGKILL');
  process.once('exit', endWithUs);
  child.once('exit', () => process.off('exit', endWithUs));
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  const line = async () => JSON.parse((await lines.next()).value as string) as unknown;
  return { process: child, line, ...((await line()) as { front: number; admin: number }) };
}
