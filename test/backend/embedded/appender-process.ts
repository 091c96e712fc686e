import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { eventually } from '../../support/eventually.ts';

export interface Appender {
  readonly child: ChildProcess;
  /** All whole lines printed so far. */
  readonly lines: string[];
  linesFrom(count: number): Promise<void>;
  kill(): Promise<void>;
}

/** Starts `appender.ts`; killed with the test at the latest. */
export function startAppender(dataDir: string, label = ''): Appender {
  const script = fileURLToPath(new URL('appender.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', script, dataDir, label], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  const ended = once(child, 'close');
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  const kill = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await ended;
  };
  onTestFinished(kill);
  return {
    child,
    lines,
    linesFrom: (count) =>
      eventually(
        () => {
          if (lines.length < count) throw new Error(`only ${lines.length} lines: ${lines.at(-1)}`);
        },
        { interval: 5 },
      ),
    kill,
  };
}
