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
  /** The same with what their objects hold outside the heap, such as buffers. */
  heldBytes(pids: readonly number[]): Promise<number[]>;
}

interface Collected {
  readonly heapBytes: number;
  readonly externalBytes: number;
}

interface InspectorAnswer {
  readonly usedSize?: number;
  readonly result?: { readonly value?: unknown };
}

const OPEN_TRIES = 200;
const OPEN_EVERY_MS = 50;

/** `node:cluster` gives each worker the next port behind the primary's. */
export async function inspectedHost(workers: number): Promise<Inspected> {
  const first = await freePorts(1 + workers);
  async function collect(pids: readonly number[]): Promise<Collected[]> {
    for (const pid of pids) process.kill(pid, 'SIGUSR1');
    return Promise.all(pids.map((_, index) => collectedBytes(first + index)));
  }
  return {
    env: { NODE_OPTIONS: `--inspect-port=${first}` },
    heapBytes: async (pids) => (await collect(pids)).map(({ heapBytes }) => heapBytes),
    heldBytes: async (pids) =>
      (await collect(pids)).map(({ heapBytes, externalBytes }) => heapBytes + externalBytes),
  };
}

async function collectedBytes(port: number): Promise<Collected> {
  const socket = new WebSocket(await inspectorOf(port));
  const answers = new Map<number, (result: InspectorAnswer) => void>();
  socket.on('message', (raw) => {
    const { id, result } = JSON.parse(raw.toString());
    answers.get(id)?.(result);
  });
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  const ask = (method: string, params = {}) =>
    new Promise<InspectorAnswer>((resolve) => {
      answers.set(answers.size, resolve);
      socket.send(JSON.stringify({ id: answers.size - 1, method, params }));
    });
  // Objects that finalizers let go are garbage of the second.
  await ask('HeapProfiler.collectGarbage');
  await ask('HeapProfiler.collectGarbage');
  const { usedSize } = await ask('Runtime.getHeapUsage');
  const { result } = await ask('Runtime.evaluate', { expression: 'process.memoryUsage().external' });
  socket.terminate();
  return { heapBytes: usedSize ?? Number.NaN, externalBytes: Number(result?.value) };
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
