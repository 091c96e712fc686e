import { NCHAN } from './nchan.ts';
import { PROXIED } from './proxied.ts';
import { EMBEDDED, ROOMCAST, SIGNED } from './roomcast.ts';
import { SIMULATED } from './simulated.ts';
import { BARE_WS, CLASSIC, CLUSTERED, SHARDED } from './stock.ts';
import type { System } from './system.ts';

export const SYSTEMS: readonly System[] = [
  ROOMCAST,
  SIGNED,
  EMBEDDED,
  SHARDED,
  CLASSIC,
  CLUSTERED,
  BARE_WS,
  NCHAN,
  PROXIED,
  SIMULATED,
];

export function systemNamed(name: string): System {
  const found = SYSTEMS.find((system) => system.name === name);
  if (found === undefined)
    throw new Error(`no system ${name}; there are ${SYSTEMS.map((s) => s.name).join(', ')}`);
  return found;
}
