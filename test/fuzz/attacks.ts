import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { System } from '../support/system.ts';
import type { Order, Report } from './attack-process.ts';
import { ATTACKED_ROOM } from './attackers/attacker.ts';
import { cpuMs } from './costs.ts';
import { type Heard, openInnocents } from './innocents.ts';
import { pidsOf } from './target.ts';

/*
 * Compares the times of honest clients beside an attacker and without one. Idle and attacked phases take turns, so that both have
 * what else the machine does.
 */

const MESSAGES = 200;
const MESSAGE_BYTES = 1_000;
/** The work that an attack leaves is done in this time, and so is no part of the next idle phase. */
const SETTLE_MS = 500;
const PROCESS = fileURLToPath(new URL('attack-process.ts', import.meta.url));

export interface Phases {
  readonly phaseMs: number;
  /** Each has an idle and an attacked phase. */
  readonly rounds: number;
}

/** The times of honest clients beside one attacker. */
export interface Beside {
  readonly attacker: string;
  readonly sentPerS: number;
  /** CPU of all processes of the host while it was attacked, in cores. */
  readonly cores: number;
  readonly idle: Heard;
  readonly attacked: Heard;
  /** The p99 of each idle phase alone. */
  readonly idleP99sMs: readonly number[];
}

export interface Attacks {
  beside(attacker: string, phases: Phases): Promise<Beside>;
  close(): void;
}

/** Opens the honest clients and the process of the attackers, all of which go for the first worker. */
export async function openAttacks(system: System): Promise<Attacks> {
  await fillRoom(system);
  const url = system.workerUrls[0] as string;
  const attacking = fork(PROCESS);
  const innocents = await openInnocents(system.workerUrls);
  const pids = pidsOf(system);

  async function attack(name: string, during: Promise<Heard>): Promise<Heard & { readonly sent: number }> {
    const order = (given: Order) => attacking.send(given);
    order({ name, url });
    const reported = once(attacking, 'message') as Promise<[Report]>;
    const heard = await during;
    order('end');
    const [{ sent, error }] = await reported;
    if (error) throw new Error(`${name}: ${error}`);
    return { ...heard, sent };
  }

  return {
    async beside(attacker, { phaseMs, rounds }) {
      const idle: Heard[] = [];
      const attacked: Heard[] = [];
      let [sent, cpu, tookMs] = [0, 0, 0];
      for (let round = 0; round < rounds; round += 1) {
        idle.push(await innocents.during(phaseMs));
        const [cpuBefore, startedAt] = [cpuMs(pids), performance.now()];
        const { sent: more, ...heard } = await attack(attacker, innocents.during(phaseMs));
        cpu += cpuMs(pids) - cpuBefore;
        tookMs += performance.now() - startedAt;
        sent += more;
        attacked.push(heard);
        await innocents.during(SETTLE_MS);
      }
      return {
        attacker,
        sentPerS: sent / (tookMs / 1_000),
        cores: cpu / tookMs,
        idle: together(idle),
        attacked: together(attacked),
        idleP99sMs: idle.map(({ latenciesMs }) => quantile(latenciesMs, 0.99)),
      };
    },
    close() {
      innocents.close();
      attacking.disconnect();
    },
  };
}

function together(phases: readonly Heard[]): Heard {
  return {
    latenciesMs: phases.flatMap(({ latenciesMs }) => latenciesMs),
    refused: phases.flatMap(({ refused }) => refused),
  };
}

/** Makes a page of the room as long as any. */
async function fillRoom({ workerUrls, keyHeader }: System): Promise<void> {
  for (let n = 0; n < MESSAGES; n += 1) {
    const answer = await fetch(`${workerUrls[0]}/api/v1/rooms/${ATTACKED_ROOM}/messages`, {
      method: 'POST',
      headers: { ...keyHeader, 'content-type': 'application/json' },
      body: JSON.stringify({ text: `${n}`.padEnd(MESSAGE_BYTES, 'a') }),
    });
    if (!answer.ok) throw new Error(`the room was not filled: ${await answer.text()}`);
  }
}

export function quantile(all: readonly number[], part: number): number {
  return [...all].sort((one, other) => one - other)[Math.floor((all.length - 1) * part)] ?? Number.NaN;
}

/** The noise of this machine: the most by which the p99 of one idle phase exceeds their median. */
export function noiseMs(results: readonly Beside[]): number {
  const p99s = results.flatMap(({ idleP99sMs }) => idleP99sMs);
  return Math.max(...p99s) - quantile(p99s, 0.5);
}

/** Returns the faults of a result: more than twice as slow at the p99, beyond the noise, or refused. */
export function wrongWith({ attacker, idle, attacked }: Beside, noise: number): string[] {
  const [before, beside] = [idle, attacked].map(({ latenciesMs }) => quantile(latenciesMs, 0.99)) as [
    number,
    number,
  ];
  const most = 2 * before + noise;
  const wrong: string[] = [];
  if (beside > most) wrong.push(`${attacker}: p99 ${beside.toFixed(1)} ms, more than ${most.toFixed(1)} ms`);
  if (attacked.refused.length > 0)
    wrong.push(`${attacker}: ${attacked.refused.length} honest messages refused, ${attacked.refused[0]}`);
  return wrong;
}
