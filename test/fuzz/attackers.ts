import type { Attacker } from './attackers/attacker.ts';
import { fragments, pings, pongs } from './attackers/frames.ts';
import { api, pipelined, polling } from './attackers/http.ts';
import { connects, events, packets } from './attackers/packets.ts';

const TURN_MS = 20;

/** Two that the server cannot help: nothing at all, and a process that only computes. */
export const CONTROLS: readonly Attacker[] = [
  {
    name: 'nobody',
    attack: (_url, over) =>
      new Promise((resolve) => over.addEventListener('abort', () => resolve(), { once: true })),
  },
  {
    name: 'a busy process',
    async attack(_url, over) {
      while (!over.aborted) {
        const until = performance.now() + TURN_MS;
        while (performance.now() < until);
        await new Promise(setImmediate);
      }
    },
  },
];

/** One of each kind of input. */
export const ATTACKERS: readonly Attacker[] = [
  events,
  packets,
  pings,
  pongs,
  ...fragments,
  polling,
  api,
  pipelined,
  connects,
];
