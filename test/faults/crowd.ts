import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { HistoryRecord } from '../../src/load/checker/history.ts';
import { endWithThis } from '../support/end-with-this.ts';
import type { Effect } from './chatter.ts';
import { readRecords } from './recorder.ts';

export const ROOMS_PER_CLIENT = 2;

export interface Load {
  readonly clients: number;
  readonly rooms: readonly string[];
  readonly perSecond: number;
}

export interface CrowdOptions extends Load {
  readonly kind: 'roomcast' | 'stock';
  readonly urls: readonly string[];
  /** The key of the readers of event streams, one for each room; a stock chat has none. */
  readonly apiKey?: string | undefined;
  /** Where its records go. */
  readonly file: string;
}

/** What is left once the crowd has been given time to settle. */
export interface Unsettled {
  /** Messages without an answer. */
  readonly pending: number;
  /** Members who are not back in all of their rooms. */
  readonly away: number;
}

export type Order = { readonly do: 'load' | 'quiet' | 'end' };
export type Report =
  | { readonly is: 'joined' }
  | ({ readonly is: 'quiet' } & Unsettled)
  | { readonly is: 'ended'; readonly effects: Readonly<Record<Effect, number>> };

/** The clients, in a process of their own: what they measure is not what the fault runner does meanwhile. */
export interface Crowd {
  load(): void;
  /** Sends no more messages; resolves once everything is settled, or with what is not when that takes too long. */
  quiet(): Promise<Unsettled>;
  end(): Promise<{ readonly records: HistoryRecord[]; readonly effects: Readonly<Record<Effect, number>> }>;
  kill(): void;
}

/** Resolves once every client is in all of its rooms. */
export async function openCrowd(options: CrowdOptions): Promise<Crowd> {
  const child = fork(
    fileURLToPath(new URL('./crowd-process.ts', import.meta.url)),
    [JSON.stringify(options)],
    {
      execArgv: ['--import', 'tsx'],
    },
  );
  const kill = () => void child.kill('SIGKILL');
  const forget = endWithThis(kill);

  async function next<I extends Report['is']>(is: I): Promise<Extract<Report, { is: I }>> {
    for (;;) {
      const ended = once(child, 'exit').then(() => undefined);
      const [report] = (await Promise.race([once(child, 'message'), ended])) ?? [];
      if (report === undefined) throw new Error('the crowd ended by itself');
      if (report.is === is) return report;
    }
  }
  const order = (what: Order['do']) => void child.send({ do: what });

  await next('joined');
  return {
    load: () => order('load'),
    async quiet() {
      order('quiet');
      const { pending, away } = await next('quiet');
      return { pending, away };
    },
    async end() {
      order('end');
      const { effects } = await next('ended');
      forget();
      return { records: await readRecords(options.file), effects };
    },
    kill,
  };
}
