import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { DialectFault } from './dialect-module.ts';
import type { Answers, Order } from './orders.ts';

/** Sources run through tsx, the built files without. */
const IS_SOURCE = import.meta.url.endsWith('.ts');
const PROCESS = fileURLToPath(new URL(`./crowd-process.${IS_SOURCE ? 'ts' : 'js'}`, import.meta.url));
const EXEC_ARGV = IS_SOURCE ? ['--import', 'tsx'] : [];

/** A process full of clients, seen from outside. */
export interface DriverProcess {
  readonly pid: number;
  ask<D extends Order['do']>(order: Extract<Order, { do: D }>): Promise<Answers[D]>;
  close(): Promise<void>;
}

/** A driver process ended before it was told to: killed, or out of memory. */
export class DriverEnded extends Error {}

type Asked = Map<number, { resolve(value: unknown): void; reject(error: Error): void }>;

export async function openDriverProcess(): Promise<DriverProcess> {
  const child = fork(PROCESS, { execArgv: EXEC_ARGV, serialization: 'advanced' });
  const killOnExit = () => child.kill('SIGKILL');
  process.once('exit', killOnExit);
  const exited = once(child, 'exit');
  const asked: Asked = new Map();
  let fault: DialectFault | undefined;
  let end: Error | undefined;
  child.on('message', ({ id, value, fault: words }: { id: number; value: unknown; fault?: string }) => {
    if (words !== undefined) {
      fault ??= new DialectFault(words);
      child.kill('SIGKILL');
    }
    asked.get(id)?.resolve(value);
    asked.delete(id);
  });
  child.once('exit', (code, signal) => {
    process.removeListener('exit', killOnExit);
    end = fault ?? endOf(code, signal);
    for (const { reject } of asked.values()) reject(end);
  });
  const answered = (id: number) =>
    new Promise<unknown>((resolve, reject) => {
      if (end !== undefined) reject(end);
      else asked.set(id, { resolve, reject });
    });
  await answered(0);
  let nextId = 0;
  return {
    pid: child.pid as number,
    ask<D extends Order['do']>(order: Extract<Order, { do: D }>) {
      nextId += 1;
      const id = nextId;
      const answer = answered(id) as Promise<Answers[D]>;
      // A process that has ended takes no order; its exit rejects the answer.
      child.send({ order, id }, () => undefined);
      return answer;
    },
    async close() {
      if (child.connected) child.disconnect();
      await exited;
    },
  };
}

function endOf(code: number | null, signal: NodeJS.Signals | null): DriverEnded {
  return new DriverEnded(`a driver process ended ${signal === null ? `with code ${code}` : `by ${signal}`}`);
}
