import type { DialectName } from '../../../src/load/driver/orders.ts';
import type { BusTap } from '../measure/bus-tap.ts';

/** What has a share in the work, each measured apart. */
export const PARTS = ['worker', 'primary', 'redis', 'nginx'] as const;
export type Part = (typeof PARTS)[number];

export interface SystemOptions {
  readonly workers: number;
  /** Takes the CPU profile of each worker's measured window into this folder. */
  readonly profileDir?: string;
  /** Makes `heap` of its workers known, and lets them collect garbage on demand. */
  readonly memory?: boolean;
  /** Counts what goes between the system and Redis. */
  readonly tap?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  /** The Node that its servers run on; by default this one. */
  readonly node?: string;
  /** Our built program; by default the one in dist/. */
  readonly main?: string;
}

export interface Heap {
  readonly heapUsed: number;
  readonly external: number;
}

/** A server with everything it needs, started for one run. */
export interface RunningSystem {
  /** Where clients connect, one for each worker. */
  readonly ports: readonly number[];
  pids(part: Part): readonly number[];
  /** The measured window begins and ends: a profiler looks only then. */
  windowBegins(): Promise<void>;
  windowEnds(): Promise<void>;
  /** Collects garbage in every worker, then tells what is left; undefined of systems without a heap of that kind. */
  collect(): Promise<Heap | undefined>;
  /** One Redis command and its raw answer. */
  askRedis?(command: string): Promise<string>;
  /** The Unix socket of its Redis. */
  readonly redisPath?: string;
  readonly tap?: BusTap;
  /** From the start of the server, without its Redis, until it said that it was ready. */
  readonly readyMs?: number;
  /** Exit codes or signals of workers that ended by themselves. */
  deaths(): number;
  stop(): Promise<void>;
}

export interface System {
  readonly name: string;
  readonly title: string;
  readonly dialectName: DialectName;
  /** Why it cannot run here, if so. */
  missing?(): string | undefined;
  open(options: SystemOptions): Promise<RunningSystem>;
}
