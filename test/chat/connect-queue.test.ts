import { describe } from 'vitest';
import { createConnectQueue } from '../../src/chat/connect-queue.ts';
import { longQueueContract } from '../contract/queue-simulation.ts';

describe('a crowd of more than a minute, in the queue of one process', () => {
  longQueueContract(async (perS) => {
    let now = 0;
    const setClock = (ms: number) => {
      now = ms;
    };
    return { queue: createConnectQueue(perS, () => now), setClock };
  });
});
