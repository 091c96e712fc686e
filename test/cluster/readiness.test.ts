import { expect, it } from 'vitest';
import type { WorkerState } from '../../src/cluster/control.ts';
import type { WorkerIpc } from '../../src/cluster/ipc.ts';
import { createReadiness } from '../../src/cluster/readiness.ts';
import { type Outcome, refuse, succeed } from '../../src/protocol/codes.ts';

interface Worker {
  readonly slot: number;
  readonly state: WorkerState;
  readonly answer?: Outcome<void>;
}

const deaf = refuse('unavailable', 'a probe did not come back over the bus');
const frozen = refuse('unavailable', 'no answer within 2000 ms');

async function ask(workers: readonly Worker[], store: Outcome<void> = succeed(undefined)) {
  const readiness = createReadiness({
    workers: {
      status: () =>
        workers.map(({ slot, state }) => ({
          slot,
          state,
          pid: 1,
          port: 1,
          clients: 0,
          rooms: 0,
          loopDelayMs: 0,
          rssBytes: 0,
        })),
      ready: () =>
        workers
          .filter(({ state }) => state === 'ready')
          .map(({ slot, answer = succeed(undefined) }) => {
            const request = async (kind: string) => (kind === 'well?' ? answer : refuse('internal', 'what?'));
            return { slot, request } as unknown as WorkerIpc;
          }),
    },
    question: 'well?',
    checkStore: async () => store,
    warnings: () => ['appendonly is off'],
    awayServers: () => ['redis2:6379'],
  });
  const { reasons, warnings, away } = await readiness();
  expect(away).toEqual(['redis2:6379']);
  expect(warnings).toEqual(['appendonly is off']);
  return reasons;
}

it('is given if every slot has a ready worker, beside which another may drain', async () => {
  const workers: Worker[] = [
    { slot: 0, state: 'ready' },
    { slot: 1, state: 'draining', answer: deaf },
    { slot: 1, state: 'ready' },
  ];
  expect(await ask(workers)).toEqual([]);
});

it('is refused while a worker’s bus delivers nothing or it hangs, with its name', async () => {
  const workers: Worker[] = [
    { slot: 0, state: 'ready', answer: deaf },
    { slot: 1, state: 'ready' },
    { slot: 2, state: 'ready', answer: frozen },
  ];
  expect(await ask(workers)).toEqual([
    'the worker of slot 0 is not ready: a probe did not come back over the bus',
    'the worker of slot 2 is not ready: no answer within 2000 ms',
  ]);
});

it.each<WorkerState>(['starting', 'backoff', 'draining'])(
  'is not there while nobody but a worker in state %s has a slot',
  async (state) => {
    const workers: Worker[] = [
      { slot: 0, state: 'ready' },
      { slot: 1, state },
    ];
    expect(await ask(workers)).toEqual([`the worker of slot 1 is in state ${state}`]);
  },
);

it('is refused while the store does not answer the primary', async () => {
  expect(await ask([{ slot: 0, state: 'ready' }], refuse('unavailable', 'the store is away'))).toEqual([
    'the store is away',
  ]);
});
