import type { BackendOptions } from '../backend.ts';
import type { Tables } from './tables.ts';

/** The settings that say which content of a store is there, by their names for the operator. */
const NAMES = {
  historySize: 'HISTORY_SIZE',
  historyTtlS: 'HISTORY_TTL_S',
  inboxSize: 'INBOX_SIZE',
  inboxTtlS: 'INBOX_TTL_S',
  dedupeTtlS: 'DEDUPE_TTL_S',
  namespaces: 'NAMESPACES',
} as const satisfies Partial<Record<keyof BackendOptions, string>>;

export type ServedSettings = Pick<BackendOptions, keyof typeof NAMES>;

/** The name of the fact that holds the settings of the last server. */
const FACT = 'servedWith';

/** Call it when a server opens the store: a command that reads the store later compares its own settings. */
export function recordSettings(tables: Pick<Tables, 'fact' | 'compareAndSetFact'>, settings: ServedSettings) {
  const before = tables.fact(FACT);
  const next = textsOf(settings);
  if (JSON.stringify(before) !== JSON.stringify(next)) tables.compareAndSetFact(FACT, before, next);
}

export interface SettingDifference {
  /** Such as `INBOX_TTL_S=3600`. */
  readonly served: string;
  readonly given: string;
}

/** Compares settings with those of the last server. A store of an earlier release does not know them. */
export function differencesTo(tables: Pick<Tables, 'fact'>, settings: ServedSettings): SettingDifference[] {
  const served = (tables.fact(FACT) ?? {}) as Readonly<Record<string, string>>;
  return Object.entries(textsOf(settings))
    .filter(([name, given]) => served[name] !== undefined && served[name] !== given)
    .map(([name, given]) => ({ served: `${name}=${served[name]}`, given: `${name}=${given}` }));
}

function textsOf(settings: ServedSettings): Record<string, string> {
  const named = Object.entries(NAMES) as [keyof typeof NAMES, string][];
  return Object.fromEntries(
    named.flatMap(([key, name]) => {
      const value = settings[key];
      if (value === undefined) return [];
      return [[name, typeof value === 'number' ? String(value) : [...value].sort().join(',')]];
    }),
  );
}
