import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { childrenOf, isAlive } from '../faults/processes.ts';
import { type Mode, type System, startSystem } from '../support/system.ts';
import { openWitnesses, type Witnesses } from './witnesses.ts';

export const API_KEY = 'fuzz-key-0123456789abcdef0123456789abcdef';
/** Beyond what a process had after its first second, once it had time to collect what it holds no more. */
const MAX_GROWN_BYTES = 160 * 1024 * 1024;
const CALM_LIMIT_MS = 40_000;
const CALM_LOOK_MS = 250;

/** The system that is fuzzed, beside which two honest clients chat. */
export interface Target {
  readonly system: System;
  /** What is broken now: who died, what the honest clients missed. */
  broken(): readonly string[];
  /** Starts anew what is broken. */
  restore(): Promise<void>;
  /** What is wrong once all is quiet; then the honest clients begin anew. */
  settle(): Promise<{ readonly wrong: readonly string[]; readonly summary: string }>;
  close(): Promise<void>;
}

interface Running {
  readonly system: System;
  readonly witnesses: Witnesses;
  /** Primaries and workers, with the memory each had. */
  readonly memory: ReadonlyMap<number, number>;
}

export async function openTarget(mode: Mode): Promise<Target> {
  let running = await open(mode);

  function dead(): string[] {
    const pids = pidsOf(running.system);
    const gone = [...running.memory.keys()].filter((pid) => !pids.includes(pid) || !isAlive(pid));
    const errors =
      gone.length > 0 ? running.system.hosts.map((host) => host.output().stderr.slice(-2_000)) : [];
    return [...gone.map((pid) => `process ${pid} died`), ...errors];
  }

  async function calm(): Promise<string[]> {
    const until = performance.now() + CALM_LIMIT_MS;
    for (;;) {
      const grown = [...running.memory].flatMap(([pid, before]) => {
        const bytes = heldBytes(pid) - before;
        return bytes > MAX_GROWN_BYTES ? [`process ${pid} grew by ${megabytes(bytes)}`] : [];
      });
      if (grown.length === 0 || performance.now() > until) return grown;
      await sleep(CALM_LOOK_MS);
    }
  }

  return {
    get system() {
      return running.system;
    },
    broken: () => [...dead(), ...running.witnesses.wrong()],
    async restore() {
      const before = running;
      before.witnesses.close();
      // Its clients are gone: nothing is to be drained.
      await Promise.all(before.system.hosts.map((host) => host.kill9()));
      await before.system.stop();
      running = await open(mode);
    },
    async settle() {
      const missed = await running.witnesses.settle();
      const said = running.witnesses.said();
      const grown = await calm();
      running.witnesses.close();
      running = { ...running, witnesses: await openWitnesses(running.system.workerUrls) };
      const most = Math.max(...[...running.memory].map(([pid, before]) => heldBytes(pid) - before));
      return {
        wrong: [...dead(), ...missed, ...grown],
        summary: `${said} honest messages all came, most grown memory ${megabytes(most)}`,
      };
    },
    async close() {
      running.witnesses.close();
      await running.system.stop();
    },
  };
}

async function open(mode: Mode): Promise<Running> {
  const system = await startSystem(mode, { API_KEYS: API_KEY, LOG_LEVEL: 'error' });
  const witnesses = await openWitnesses(system.workerUrls);
  await witnesses.warm();
  return {
    system,
    witnesses,
    memory: new Map(pidsOf(system).map((pid) => [pid, heldBytes(pid)])),
  };
}

/** The primaries and workers that run now. */
export function pidsOf(system: System): number[] {
  return system.hosts.flatMap(({ pid }) => [pid, ...childrenOf(pid)]);
}

/** Without the pages of the store's file. */
function heldBytes(pid: number): number {
  try {
    return Number(/^RssAnon:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1_024;
  } catch {
    return 0;
  }
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)} MB`;
}
