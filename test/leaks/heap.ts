import { WebSocket } from 'ws';
import { freePorts } from '../support/ports.ts';

/*
 * The heap of a process after a collection, asked of V8 by the inspector that SIGUSR1 opens in every Node process. Resident
 * memory would tell of the allocator as well, and the host's own collection waits until it has been idle for ten seconds.
 */

export interface Inspected {
  /** The host's start gets it: its processes listen for an inspector on ports of their own once they are asked to. */
  readonly env: Readonly<Record<string, string>>;
  /** The bytes that each of the processes still holds after a collection, in the order of their start. */
  heapBytes(pids: readonly number[]): Promise<number[]>;
}

const OPEN_TRIES = 200;
const OPEN_EVERY_MS = 50;

/** `node:cluster` gives each worker the next port behind the primary's. */
export async function inspectedHost(workers: number): Promise<Inspected> {
  const first = await freePorts(1 + workers);
  return {
    env: { NODE_OPTIONS: `--inspect-port=${first}` },
    async heapBytes(pids) {
      for (const pid of pids) process.kill(pid, 'SIGUSR1');
      return Promise.all(pids.map((_, index) => collectedBytes(first + index)));
    },
  };
}

async function collectedBytes(port: number): Promise<number> {
  const socket = new WebSocket(await inspectorOf(port));
  const answers = new Map<number, (result: { usedSize?: number }) => void>();
  socket.on('message', (raw) => {
    const { id, result } = JSON.parse(raw.toString());
    answers.get(id)?.(result);
  });
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  const ask = (method: string) =>
    new Promise<{ usedSize?: number }>((resolve) => {
      answers.set(answers.size, resolve);
      socket.send(JSON.stringify({ id: answers.size - 1, method }));
    });
  // Objects that finalizers let go are garbage of the second.
  await ask('HeapProfiler.collectGarbage');
  await ask('HeapProfiler.collectGarbage');
  const { usedSize } = await ask('Runtime.getHeapUsage');
  socket.terminate();
  return usedSize ?? Number.NaN;
}

async function inspectorOf(port: number): Promise<string> {
  for (let tries = 1; ; tries += 1) {
    try {
      const [target] = (await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()) as [
        { webSocketDebuggerUrl: string },
      ];
      return target.webSocketDebuggerUrl;
    } catch (error) {
      if (tries === OPEN_TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, OPEN_EVERY_MS));
    }
  }
}
