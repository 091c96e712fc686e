/**
 *   npm run connect-pairs -- --before DIST/main.js [--rounds N] [--connections N]
 *
 * Compares a connect with a join of two builds: an earlier one, built elsewhere, and the one in dist/. Both run side by side,
 * with a worker each, and get a hundred connections by turns, so that other load on the machine meets both. A second host of the
 * earlier build shows by how much equal builds differ meanwhile. Then all connections are cut, and come back at once, to one
 * host after the other. Prints the medians of the rounds' ratios, now ÷ before, of the processor time of each part.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type Crowd, openCrowd } from '../../src/load/driver/crowd.ts';
import { crowdOf } from './crowds.ts';
import { cpuOfParts } from './measure/window.ts';
import { orderOfRound, spreadOf } from './statistics.ts';
import { EMBEDDED, ROOMCAST } from './systems/roomcast.ts';
import type { Part, RunningSystem, System } from './systems/system.ts';

const MEMBERS = 50;
const TURN = 100;
const AWAY_MS = 1_000;
const PARTS = ['worker', 'primary', 'redis'] as const satisfies readonly Part[];

const { values } = parseArgs({
  options: {
    before: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    connections: { type: 'string', default: '1000' },
  },
});
if (values.before === undefined) throw new Error('--before takes the dist/main.js of an earlier build');
const { before: earlier } = values;
const [rounds, connections] = [Number(values.rounds), Number(values.connections)];
const SIDES = ['before', 'now', 'equal'] as const;
type Side = (typeof SIDES)[number];
type Spent = Readonly<Record<Part, number>>;

interface Host {
  readonly side: Side;
  readonly running: RunningSystem;
  readonly crowd: Crowd;
  readonly clients: ReturnType<typeof crowdOf>;
}

async function openHost(system: System, side: Side): Promise<Host> {
  const running = await system.open({ workers: 1, ...(side === 'now' ? {} : { main: earlier }) });
  const crowd = await openCrowd(system.dialectName, 1);
  const plan = { rooms: connections / MEMBERS, members: MEMBERS, ports: running.ports };
  // The first ones find code that never ran.
  await crowd.connect(crowdOf(system, { ...plan, rooms: 2, name: 'first', firstId: 1e6 }));
  return { side, running, crowd, clients: crowdOf(system, plan) };
}

/** The processor time of each part for a connection, µs, by side. */
async function measured(hosts: readonly Host[], connect: () => Promise<void>): Promise<Map<Side, Spent>> {
  const started = hosts.map(({ running }) => cpuOfParts(running));
  await connect();
  return new Map(
    hosts.map(({ side, running }, index) => {
      const ended = cpuOfParts(running);
      const each = PARTS.map((part) => [
        part,
        (ended[part] - (started[index]?.[part] ?? 0)) / 1e3 / connections,
      ]);
      return [side, Object.fromEntries(each) as Spent];
    }),
  );
}

async function round(system: System, order: readonly Side[]): Promise<Map<Side, Spent>[]> {
  const hosts: Host[] = [];
  try {
    for (const side of order) hosts.push(await openHost(system, side));
    const calm = await measured(hosts, async () => {
      for (let from = 0; from < connections; from += TURN) {
        const inTurn = (from / TURN) % 2 ? hosts.toReversed() : hosts;
        for (const { crowd, clients } of inTurn) await crowd.connect(clients.slice(from, from + TURN));
      }
    });
    for (const { crowd } of hosts) await crowd.cut();
    await pause(AWAY_MS);
    const storm = await measured(hosts, async () => {
      for (const { crowd, clients } of hosts) await crowd.connect(clients, { inFlight: connections });
    });
    return [calm, storm];
  } finally {
    for (const { crowd, running } of hosts) {
      await crowd.close();
      await running.stop();
    }
  }
}

function ratio(all: readonly Map<Side, Spent>[], side: Side, part: Part): string {
  const each = all.map((sides) => (sides.get(side)?.[part] ?? 0) / (sides.get('before')?.[part] ?? 0));
  const { median, min, max } = spreadOf(each);
  return `${median.toFixed(2)} (${min.toFixed(2)} … ${max.toFixed(2)})`;
}

for (const system of [ROOMCAST, EMBEDDED]) {
  const found: Map<Side, Spent>[][] = [];
  for (let done = 0; done < rounds; done += 1) {
    found.push(await round(system, orderOfRound(SIDES, done)));
  }
  for (const [index, what] of ['connect', 'storm'].entries()) {
    const all = found.flatMap((one) => one[index] ?? []);
    for (const part of PARTS) {
      const us = (side: Side) => spreadOf(all.map((sides) => sides.get(side)?.[part] ?? 0)).median;
      if (us('before') === 0) continue;
      process.stdout.write(
        `${system.name}, ${what}, ${part}: ${us('before').toFixed(0)} µs before, ${us('now').toFixed(0)} µs now, ` +
          `ratio ${ratio(all, 'now', part)}, of equal builds ${ratio(all, 'equal', part)}\n`,
      );
    }
  }
}
process.exit(0);
