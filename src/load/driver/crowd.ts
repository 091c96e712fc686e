import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { decodeFromCompressedBase64, type Histogram } from 'hdr-histogram-js';
import { createHistogram } from './ledger.ts';
import type {
  Answers,
  ClientSpec,
  Faults,
  Hushed,
  Order,
  TalkStyle,
  Tongue,
  Tops,
  Window,
} from './orders.ts';

/** Sources run through tsx, the built files without. */
const IS_SOURCE = import.meta.url.endsWith('.ts');
const PROCESS = fileURLToPath(new URL(`./crowd-process.${IS_SOURCE ? 'ts' : 'js'}`, import.meta.url));
const EXEC_ARGV = IS_SOURCE ? ['--import', 'tsx'] : [];
const CONNECT_LIMIT_MS = 60_000;
const ANSWERS_LIMIT_MS = 15_000;
const DELIVERY_LIMIT_MS = 15_000;

/** What all driver processes together saw since the last mark. */
export interface CrowdWindow extends Omit<Window, 'deliverUs' | 'ackUs'> {
  readonly deliverUs: Histogram;
  readonly ackUs: Histogram;
}

export interface ConnectStyle extends Partial<TalkStyle> {
  /** Connections on their way at once. */
  readonly inFlight?: number;
}

/** As long as people make their messages. */
const TEXT_BYTES = 88;
const TIMED_ONE_IN = 16;
const IN_FLIGHT = 100;

/** The clients of a run, in processes of their own. */
export interface Crowd {
  readonly pids: readonly number[];
  /** Resolves once all are in. */
  connect(clients: readonly ClientSpec[], how?: ConnectStyle): Promise<{ tookMs: number; joinUs: Histogram }>;
  talk(order: { perSecond: number; unacked: number; rooms?: readonly string[] }): Promise<void>;
  mark(): Promise<CrowdWindow>;
  /** Stops talking and waits until every member has everything that was acked. */
  settle(): Promise<Faults>;
  cut(): Promise<void>;
  stall(id: number): Promise<void>;
  /** Whether the server still keeps that client's connection. */
  connected(id: number): Promise<boolean>;
  pass(passing: { room: string; overMs: number; stayMs: number }): Promise<{ entered: number; left: number }>;
  close(): Promise<void>;
}

export async function openCrowd(tongue: Tongue, processes: number): Promise<Crowd> {
  const drivers = await Promise.all(Array.from({ length: processes }, openDriver));
  const all = <D extends Order['do']>(order: Extract<Order, { do: D }>) =>
    Promise.all(drivers.map((driver) => driver.ask<D>(order)));

  return {
    pids: drivers.map(({ pid }) => pid),
    async connect(clients, { inFlight = IN_FLIGHT, textBytes = TEXT_BYTES, timedOneIn = TIMED_ONE_IN } = {}) {
      const answers = await Promise.all(
        drivers.map((driver, index) =>
          driver.ask<'connect'>({
            do: 'connect',
            tongue,
            clients: clients.filter(({ id }) => id % processes === index),
            inFlight: Math.ceil(inFlight / processes),
            limitMs: CONNECT_LIMIT_MS,
            talk: { textBytes, timedOneIn },
          }),
        ),
      );
      const joined = answers.reduce((sum, answer) => sum + answer.joined, 0);
      if (joined < clients.length) {
        const { words } = addedFaults(await all<'settle'>({ do: 'settle', tops: {}, limitMs: 0 }));
        throw new Error(`${joined} of ${clients.length} clients got in: ${words.join('; ')}`);
      }
      return {
        tookMs: Math.max(...answers.map(({ tookMs }) => tookMs)),
        joinUs: mergedHistograms(answers.map(({ joinUs }) => joinUs)),
      };
    },
    async talk(order) {
      await all<'talk'>({ do: 'talk', ...order });
    },
    async mark() {
      return addedWindows(await all<'mark'>({ do: 'mark' }));
    },
    async settle() {
      const hushed = await all<'hush'>({ do: 'hush', limitMs: ANSWERS_LIMIT_MS });
      const tops = highest(hushed);
      const faults = addedFaults(await all<'settle'>({ do: 'settle', tops, limitMs: DELIVERY_LIMIT_MS }));
      const unanswered = hushed.reduce((sum, each) => sum + each.unanswered, 0);
      if (unanswered === 0) return faults;
      const words = [...faults.words, `${unanswered} messages were never answered`];
      return { ...faults, lost: faults.lost + unanswered, words };
    },
    async cut() {
      await all<'cut'>({ do: 'cut' });
    },
    async stall(id) {
      await drivers[id % processes]?.ask<'stall'>({ do: 'stall', id });
    },
    async connected(id) {
      return (await drivers[id % processes]?.ask<'connected'>({ do: 'connected', id }))?.connected ?? false;
    },
    async pass(passing) {
      const answers = await all<'pass'>({ do: 'pass', ...passing });
      return {
        entered: answers.reduce((sum, { entered }) => sum + entered, 0),
        left: answers.reduce((sum, { left }) => sum + left, 0),
      };
    },
    async close() {
      await Promise.all(drivers.map((driver) => driver.close()));
    },
  };
}

interface Driver {
  readonly pid: number;
  ask<D extends Order['do']>(order: Extract<Order, { do: D }>): Promise<Answers[D]>;
  close(): Promise<void>;
}

async function openDriver(): Promise<Driver> {
  const child = fork(PROCESS, { execArgv: EXEC_ARGV, serialization: 'advanced' });
  const killOnExit = () => child.kill('SIGKILL');
  process.once('exit', killOnExit);
  const exited = once(child, 'exit');
  const asked = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
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

function answered(
  child: ChildProcess,
  asked: Map<number, { resolve(value: unknown): void; reject(error: Error): void }>,
  id: number,
): Promise<unknown> {
  if (child.exitCode !== null) return Promise.reject(new Error('a driver has ended'));
  return new Promise((resolve, reject) => asked.set(id, { resolve, reject }));
}

function highest(hushed: readonly Hushed[]): Tops {
  const tops: Record<string, number> = {};
  for (const each of hushed) {
    for (const [room, top] of Object.entries(each.tops)) tops[room] = Math.max(top, tops[room] ?? 0);
  }
  return tops;
}

function mergedHistograms(encoded: readonly string[]): Histogram {
  const merged = createHistogram();
  for (const each of encoded) merged.add(decodeFromCompressedBase64(each));
  return merged;
}

function addedFaults(each: readonly Faults[]): Faults {
  const sum = (name: 'lost' | 'again' | 'cut') => each.reduce((total, faults) => total + faults[name], 0);
  return {
    lost: sum('lost'),
    again: sum('again'),
    cut: sum('cut'),
    words: each.flatMap(({ words }) => words),
  };
}

function addedWindows(each: readonly Window[]): CrowdWindow {
  const sum = (of: (window: Window) => number) => each.reduce((total, window) => total + of(window), 0);
  const refused: Record<string, number> = {};
  for (const window of each) {
    for (const [code, times] of Object.entries(window.refused)) refused[code] = (refused[code] ?? 0) + times;
  }
  return {
    elapsedMs: Math.max(...each.map(({ elapsedMs }) => elapsedMs)),
    cpuNs: sum(({ cpuNs }) => cpuNs),
    sent: sum(({ sent }) => sent),
    backlog: sum(({ backlog }) => backlog),
    acked: sum(({ acked }) => acked),
    refused,
    timeless: sum(({ timeless }) => timeless),
    delivered: sum(({ delivered }) => delivered),
    deliverUs: mergedHistograms(each.map(({ deliverUs }) => deliverUs)),
    ackUs: mergedHistograms(each.map(({ ackUs }) => ackUs)),
    asideMessages: sum(({ asideMessages }) => asideMessages),
    asideBytes: sum(({ asideBytes }) => asideBytes),
  };
}
