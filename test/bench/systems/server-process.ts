import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { endWithThis } from '../../support/end-with-this.ts';

export interface ServerProcess {
  readonly pid: number;
  stop(): Promise<void>;
}

/** Runs a Node script until it says that it is ready. */
export async function openServerProcess(
  script: string,
  env: Readonly<Record<string, string>>,
  node = process.execPath,
): Promise<ServerProcess> {
  const child = spawn(node, [script], {
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit');
  void exited.then(endWithThis(() => child.kill('SIGKILL')));
  await ready(child, script);
  return {
    pid: child.pid as number,
    async stop() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

function ready(child: ChildProcess, script: string): Promise<void> {
  let errors = '';
  child.stderr?.on('data', (chunk: Buffer) => (errors += chunk));
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`${script} ended with code ${code}: ${errors}`)));
    child.stdout?.on('data', (chunk: Buffer) => {
      if (chunk.includes('is ready')) resolve();
    });
  });
}

/** A worker under load may outlive its primary for a while; the next run must not share the machine with it. */
export function endAll(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // Gone already.
    }
  }
}
