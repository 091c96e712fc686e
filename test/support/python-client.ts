import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { findPython } from './prerequisites.mjs';

const SCRIPT = fileURLToPath(new URL('./python-client.py', import.meta.url));

export interface PythonClient {
  /** The next thing of this kind that happens to it after what was waited for before. */
  next(event: 'joined' | 'bye'): Promise<Readonly<Record<string, unknown>>>;
  close(): Promise<void>;
}

/** A real python-socketio client in a process of its own, joined to a room and talking. */
export function openPythonClient(url: string, transport: 'polling' | 'websocket'): PythonClient {
  const child = spawn(findPython(), [SCRIPT, url, transport], { stdio: ['ignore', 'pipe', 'pipe'] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const exited = once(child, 'exit');
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk));
  return {
    async next(event) {
      for (;;) {
        const { done, value } = await lines.next();
        if (done) throw new Error(`The Python client ended:\n${errors}`);
        const told = JSON.parse(value) as { readonly event: string };
        if (told.event === event) return told;
      }
    },
    async close() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
