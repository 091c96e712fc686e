import { type Case, isWanted, type Params, type Scale, type Scene, type Values } from './case.ts';
import { type OthersWatch, watchOthers } from './measure/others-watch.ts';
import type { Provenance, Row } from './rows.ts';
import { orderOfRound, type Spread, spreadOf } from './statistics.ts';
import { systemNamed } from './systems/all.ts';
import { baselineOf, type NodeVersion, onNode } from './systems/node-versions.ts';
import type { System } from './systems/system.ts';

export interface RoundsOptions {
  readonly scale: Scale;
  /** Other than the cases' own. */
  readonly rounds?: number;
  /** Only these systems. */
  readonly systems?: readonly string[];
  /** Each system runs on each of these; without them on this Node. */
  readonly nodes?: readonly NodeVersion[];
  readonly say: (line: string) => void;
  /** Watches what others do during each run. */
  readonly watch?: () => OthersWatch;
}

/** By setting, then by system, then by round; undefined: that run failed. */
type Found = Map<string, { params: Params; bySystem: Map<string, (Values | undefined)[]> }>;

/** Runs a case, all rounds of all its scenes. */
export async function runCase(one: Case, options: RoundsOptions, from: Provenance): Promise<Row[]> {
  const rows: Row[] = [];
  for (const scene of one.scenes(options.scale)) {
    if (!isWanted(scene.params, options.scale)) continue;
    rows.push(...(await runScene(one, scene, options, from)));
  }
  return rows;
}

async function runScene(
  one: Case,
  scene: Scene,
  { scale, systems, nodes, say, watch = watchOthers, ...options }: RoundsOptions,
  from: Provenance,
): Promise<Row[]> {
  const { name } = one;
  const rounds = options.rounds ?? scene.rounds ?? one.rounds;
  const possible = systems === undefined ? scene.systems : [...scene.systems, ...(scene.also ?? [])];
  const available = possible.filter((system) => {
    if (systems !== undefined && !systems.includes(system)) return false;
    const missing = systemNamed(system).missing?.();
    if (missing !== undefined) say(missing);
    return missing === undefined;
  });
  const running = new Map<string, System>(
    available
      .map(systemNamed)
      .flatMap((system) => nodes?.map((node) => onNode(system, node)) ?? [system])
      .map((system) => [system.name, system]),
  );
  const taking = [...running.keys()];
  const found: Found = new Map();
  const failures = new Map<string, string[]>(taking.map((system) => [system, []]));
  const othersCores = new Map<string, number>(taking.map((system) => [system, 0]));
  for (let round = 0; round < rounds; round += 1) {
    for (const system of orderOfRound(taking, round)) {
      const what = `${name} ${wordsOf(scene.params)} ${system} ${round + 1}/${rounds}`;
      const startedAt = performance.now();
      const others = watch();
      try {
        for (const { params, values } of await scene.run(running.get(system) as System)) {
          if (!isWanted({ ...scene.params, ...params }, scale)) continue;
          enter(found, { ...scene.params, ...params }, system, round, values);
        }
        say(`  ${what}: ${((performance.now() - startedAt) / 1_000).toFixed(1)} s`);
      } catch (error) {
        const words = error instanceof Error ? error.message : String(error);
        failures.get(system)?.push(words);
        say(`  ${what}: FAILED: ${words}`);
      } finally {
        othersCores.set(system, Math.max(others.stop(), othersCores.get(system) ?? 0));
      }
    }
  }
  if (found.size === 0) found.set('', { params: scene.params, bySystem: new Map() });
  return [...found.values()].flatMap(({ params, bySystem }) =>
    taking.map((system) => {
      const baseline = baselineOf(system, scene.systems[1]);
      const own = bySystem.get(system) ?? [];
      const against = baseline === undefined || baseline === system ? [] : (bySystem.get(baseline) ?? []);
      return {
        ...from,
        case: name,
        params,
        system,
        runs: own.filter(Boolean).length,
        failed: failures.get(system) ?? [],
        values: spreads(own),
        othersCores: othersCores.get(system) ?? 0,
        ...(against.length === 0 || baseline === undefined
          ? {}
          : { baseline, ratios: spreads(own.map((values, round) => ratio(values, against[round]))) }),
      };
    }),
  );
}

function enter(found: Found, params: Params, system: string, round: number, values: Values): void {
  const key = JSON.stringify(params);
  const entry = found.get(key) ?? { params, bySystem: new Map() };
  found.set(key, entry);
  const list = entry.bySystem.get(system) ?? [];
  entry.bySystem.set(system, list);
  list[round] = values;
}

function ratio(values: Values | undefined, against: Values | undefined): Values | undefined {
  if (values === undefined || against === undefined) return undefined;
  const shared = Object.keys(values).filter((name) => (against[name] ?? 0) > 0);
  return Object.fromEntries(
    shared.map((name) => [name, (values[name] as number) / (against[name] as number)]),
  );
}

function spreads(rounds: readonly (Values | undefined)[]): Record<string, Spread> {
  const there = rounds.filter((values) => values !== undefined);
  const names = new Set(there.flatMap((values) => Object.keys(values)));
  return Object.fromEntries(
    [...names].map((name) => [
      name,
      spreadOf(there.map((values) => values[name]).filter((value) => value !== undefined)),
    ]),
  );
}

export function wordsOf(params: Params): string {
  return Object.entries(params)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');
}
