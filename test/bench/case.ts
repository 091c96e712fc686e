import type { System, SystemOptions } from './systems/system.ts';

/** `tiny` proves that a case works, `quick` is for looking while one changes something, `full` is for the record. */
export type Size = 'tiny' | 'quick' | 'full';

export interface Scale {
  readonly size: Size;
  /** Length of a measured window; each case has its own default. */
  readonly seconds?: number;
  readonly profileDir?: string;
  /** Only settings that have these values are wanted. */
  readonly only: Params;
}

/** A parameter that is not there yet may still become what is wanted. */
export function isWanted(params: Params, { only }: Pick<Scale, 'only'>): boolean {
  return Object.entries(only).every(
    ([name, value]) => !(name in params) || String(params[name]) === String(value),
  );
}

export type Params = Readonly<Record<string, string | number>>;
export type Values = Readonly<Record<string, number>>;

/** What one run found under one setting. */
export interface Point {
  readonly params: Params;
  readonly values: Values;
}

/** Systems that are compared under the same conditions: one fresh start of each per round. */
export interface Scene {
  readonly params: Params;
  /** Ours first, what it is held against second. */
  readonly systems: readonly [string, ...string[]];
  /** Other than the case's. */
  readonly rounds?: number;
  /** Only when they are asked for by name. */
  readonly also?: readonly string[];
  /** Throws when anything was lost, repeated or out of order. */
  run(system: System): Promise<readonly Point[]>;
}

export interface Figure {
  readonly value: string;
  readonly title: string;
  readonly digits: number;
  /** Stands in the README, under these settings or under all. */
  readonly shown?: true | ((params: Params) => boolean);
}

export interface Case {
  readonly name: string;
  readonly title: string;
  /** Rounds of a full run. */
  readonly rounds: number;
  readonly figures: readonly Figure[];
  scenes(scale: Scale): readonly Scene[];
}

export function systemOptions(workers: number, { profileDir }: Scale): SystemOptions {
  return { workers, ...(profileDir === undefined ? {} : { profileDir }) };
}
