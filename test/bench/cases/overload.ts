import { setTimeout as pause } from 'node:timers/promises';
import { type Case, type Point, type Scale, systemOptions } from '../case.ts';
import { crowdOf, spreadOver } from '../crowds.ts';
import { milliseconds } from '../measure/deliveries.ts';
import { pssOf } from '../measure/memory.ts';
import { measureWindow } from '../measure/window.ts';
import { onStage, settled } from '../stage.ts';
import type { System } from '../systems/system.ts';

const MEMBERS = 5;
const MEGA = 1_048_576;
const SIZES = {
  tiny: { rooms: 8, saysPerS: 4_000, unacked: 200, rampMs: 200, seconds: 1 },
  quick: { rooms: 200, saysPerS: 60_000, unacked: 500, rampMs: 1_000, seconds: 3 },
  full: { rooms: 200, saysPerS: 60_000, unacked: 500, rampMs: 1_000, seconds: 5 },
} as const;

/** Far more is said than anything here can take: all of it must be answered, with an ack or with when to try again. */
export const OVERLOAD: Case = {
  name: 'overload',
  title: 'overload: 60,000 messages a second offered to two workers',
  rounds: 1,
  figures: [
    { value: 'ackedPerS', title: 'acked/s', digits: 0, shown: true },
    { value: 'refusedPerS', title: 'refused/s', digits: 0, shown: true },
    { value: 'answerP50Ms', title: 'answer: p50 ms', digits: 0 },
    { value: 'answerP99Ms', title: 'answer: p99 ms', digits: 0, shown: true },
    { value: 'deliveredPerS', title: 'delivered/s', digits: 0 },
    { value: 'pssMb', title: 'largest worker MB', digits: 0 },
  ],
  scenes: (scale) => [
    {
      params: { offered: SIZES[scale.size].saysPerS },
      systems: ['roomcast'],
      run: (system) => run(system, scale),
    },
  ],
};

async function run(system: System, scale: Scale): Promise<Point[]> {
  const { rooms, saysPerS, unacked, rampMs, seconds } = SIZES[scale.size];
  return onStage(system, systemOptions(2, scale), async ({ system: running, crowd }) => {
    const { ports } = running;
    await crowd.connect(crowdOf(system, { rooms, members: MEMBERS, ports, portOf: spreadOver(ports) }));
    await settled();
    await crowd.talk({ perSecond: saysPerS / rooms, unacked });
    await pause(rampMs);
    const { seen, elapsedMs } = await measureWindow(running, crowd, (scale.seconds ?? seconds) * 1_000);
    const pssMb = Math.max(...running.pids('worker').map(pssOf)) / MEGA;
    await crowd.settle();
    const after = await crowd.mark();
    for (const [code, times] of [...Object.entries(seen.refused), ...Object.entries(after.refused)]) {
      if (code !== 'rate_limited') throw new Error(`${times} messages were answered ${code}`);
    }
    const timeless = seen.timeless + after.timeless;
    if (timeless > 0) throw new Error(`${timeless} refusals did not say when to try again`);
    const perSecond = (times: number) => (times / elapsedMs) * 1_000;
    return [
      {
        params: {},
        values: {
          ackedPerS: perSecond(seen.acked),
          refusedPerS: perSecond(seen.refused.rate_limited ?? 0),
          answerP50Ms: milliseconds(seen.ackUs, 50),
          answerP99Ms: milliseconds(seen.ackUs, 99),
          deliveredPerS: perSecond(seen.delivered),
          pssMb,
        },
      },
    ];
  });
}
