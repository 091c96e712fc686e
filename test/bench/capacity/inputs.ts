import { lastRun } from '../readme-table.ts';
import type { Row } from '../rows.ts';
import type { Costs } from './model.ts';

const OURS = ['roomcast', 'proxied', 'simulated'];

/** The costs of a cluster of so many workers, from the last runs of the cases that measure them. */
export function costsOf(rows: readonly Row[], workers: number): Costs {
  const costs = valuesOf(rows, 'costs');
  const memory = valuesOf(rows, 'idle-memory');
  const rest = valuesOf(rows, 'background', workers);
  // The largest cluster has the most copies, so the least error for one.
  const copies = valuesOf(rows, 'background');
  const deliveryWorkerUs = costs('deliveryWorkerUs');
  return {
    connect: {
      workerUs: costs('connectWorkerUs'),
      redisUs: costs('connectRedisUs'),
      nginxUs: costs('connectNginxUs'),
    },
    idleUser: {
      workerUs: costs('idleWorkerUs'),
      redisUs: costs('idleRedisUs'),
      nginxUs: costs('idleNginxUs'),
    },
    message: {
      workerUs: costs('sayWorkerUs'),
      redisUs: costs('sayBusyRedisUs'),
      nginxUs: costs('sayNginxUs'),
    },
    delivery: { workerUs: deliveryWorkerUs, redisUs: 0, nginxUs: costs('deliveryNginxUs') },
    copy: {
      // The measured copy has one delivery in it.
      workerUs: Math.max(0, copies('copyWorkerUs') - deliveryWorkerUs),
      redisUs: copies('copyRedisUs'),
      nginxUs: 0,
    },
    worker: { workerUs: costs('workerUs'), redisUs: rest('workerRedisUsPerS'), nginxUs: 0 },
    copyBytes: copies('copyBytes'),
    userWorkerBytes: memory('pssBytes'),
    userRedisBytes: costs('userRedisBytes'),
    messageRedisBytes: costs('sayRedisBytes'),
  };
}

/** Our rows of the last runs that the costs come from. */
export function sourcesOf(rows: readonly Row[]): Row[] {
  return ['costs', 'background', 'idle-memory'].flatMap((name) => ofLastRun(rows, name));
}

/** The rows of the last run of `background`, by the number of workers. */
export function backgroundRows(rows: readonly Row[]): Row[] {
  return ofLastRun(rows, 'background');
}

/** Reads the medians of our row; of several, the one of so many workers, or of the most. No difference is below 0. */
function valuesOf(rows: readonly Row[], name: string, workers?: number): (value: string) => number {
  const last = ofLastRun(rows, name);
  const row = last.find(({ params }) => params.workers === workers) ?? last.at(-1);
  return (value) => {
    const spread = row?.values[value];
    if (spread === undefined) throw new Error(`results/ has no ${value} of ${name}`);
    return Math.max(0, spread.median);
  };
}

/** Our rows, by the number of workers, without those of which every run failed. */
function ofLastRun(rows: readonly Row[], name: string): Row[] {
  return lastRun(rows.filter((row) => row.case === name))
    .filter(({ system, runs }) => OURS.includes(system) && runs > 0)
    .sort((one, other) => Number(one.params.workers ?? 0) - Number(other.params.workers ?? 0));
}
