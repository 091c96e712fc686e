import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
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

type Asked = Map<number, { resolve(value: unknown): void; reject(error: Error): void }>;

export async function openDriverProcess(): Promise<DriverProcess> {
  const child = fork(PROCESS, { execArgv: EXEC_ARGV, serialization: 'advanced' });
  const killOnExit = () => child.kill('SIGKILL');
  process.once('exit', killOnExit);
  const exited = once(child, 'exit');
  const asked: Asked = new Map();
  child.on('message', ({ id, value }: { id: number; value: unknown }) => {
    asked.get(id)?.resolve(value);
    asked.delete(id);
  });
  child.once('exit', (code) => {
    process.removeListener('exit', killOnExit);
    for (const { reject } of asked.values()) reject(new Error(`a driver ended by itself with code ${code}`));
  });
  await answered(child, asked, 0);
  let nextId = 0;
  return {
    pid: child.pid as number,
    ask<D extends Order['do']>(order: Extract<Order, { do: D }>) {
      nextId += 1;
      const id = nextId;
      const answer = answered(child, asked, id) as Promise<Answers[D]>;
      child.send({ order, id });
      return answer;
    },
    async close() {
      if (child.connected) child.disconnect();
      await exited;
    },
  };
}

function answered(child: ChildProcess, asked: Asked, id: number): Promise<unknown> {
  if (child.exitCode !== null) return Promise.reject(new Error('a driver has ended'));
  return new Promise((resolve, reject) => asked.set(id, { resolve, reject }));
}
