import type { Client } from './client.ts';

export interface Passing {
  readonly room: string;
  readonly overMs: number;
  readonly stayMs: number;
}

const STEP_MS = 5;
const ANSWER_LIMIT_MS = 15_000;

/** Clients enter a room one after the other, evenly over the time, and each leaves it again after a while. */
export async function passThrough(
  clients: readonly Client[],
  { room, overMs, stayMs }: Passing,
): Promise<{ entered: number; left: number }> {
  const walkers = clients.filter(({ spec }) => spec.room === undefined);
  const join = `["join",{"roomid":"${room}","history":0}]`;
  const leave = `["leave",{"roomid":"${room}"}]`;
  const startedAt = performance.now();
  let entered = 0;
  let left = 0;
  let next = 0;
  const leaving: { readonly client: Client; readonly atMs: number }[] = [];

  function step(): void {
    const nowMs = performance.now() - startedAt;
    for (; next < walkers.length && (next / walkers.length) * overMs <= nowMs; next += 1) {
      const client = walkers[next] as Client;
      client.ask(join, () => {
        entered += 1;
        leaving.push({ client, atMs: performance.now() - startedAt + stayMs });
      });
    }
    while (leaving[0] !== undefined && leaving[0].atMs <= nowMs) {
      leaving.shift()?.client.ask(leave, () => {
        left += 1;
      });
    }
  }

  const stepping = setInterval(step, STEP_MS);
  const giveUpAt = startedAt + overMs + stayMs + ANSWER_LIMIT_MS;
  while (left < walkers.length && performance.now() < giveUpAt) {
    await new Promise((resolve) => setTimeout(resolve, STEP_MS));
  }
  clearInterval(stepping);
  return { entered, left };
}
