import { BackendError } from '../../backend.ts';
import type { RedisCommands } from '../connection/commands.ts';
import type { RedisKeys } from '../keys.ts';
import { allValues } from '../outcomes.ts';

/** A server and its name, see server-names.ts. */
export interface NamedServer {
  readonly name: string;
  readonly commands: Pick<RedisCommands, 'call'>;
}

type Keys = Pick<RedisKeys, 'spread' | 'secret' | 'apiKey' | 'instances'>;

/*
 * Each of several servers stores the names of all. Hosts that name other servers would look for rooms where they are not, and
 * begin them anew: such a host does not start.
 */
export async function requireSameServers(servers: readonly NamedServer[], keys: Keys): Promise<void> {
  const spread = spreadOf(servers);
  const stored = await read(servers, keys);
  const other = stored.find((one) => one !== null && one !== spread);
  if (other) throw isSpreadOver(other, spread);
  // One server alone stores nothing, as in earlier versions.
  if (servers.length === 1) return;
  if (stored.every((one) => one === null) && (await haveData(servers, keys))) {
    // Another host may have written both just now.
    const again = await read(servers, keys);
    if (!again.includes(spread)) throw isSpreadOver('one of them alone', spread);
  }
  await recordSpread(servers, keys);
}

export async function recordSpread(servers: readonly NamedServer[], keys: Keys): Promise<void> {
  const spread = spreadOf(servers);
  const written = await allValues(servers.map(({ commands }) => commands.call(['SET', keys.spread, spread])));
  if (!written.ok) throw new BackendError(`Redis cannot be used: ${written.error.message}`);
}

function spreadOf(servers: readonly NamedServer[]): string {
  return servers
    .map(({ name }) => name)
    .sort()
    .join(' ');
}

async function read(servers: readonly NamedServer[], keys: Keys): Promise<readonly (string | null)[]> {
  const stored = await allValues(
    servers.map(({ commands }) => commands.call<string | null>(['GET', keys.spread])),
  );
  // It names at least two.
  if (stored.ok) return stored.value.map((names) => (names?.includes(' ') ? names : null));
  throw new BackendError(`Redis cannot be used: ${stored.error.message}`);
}

/** Every host that ever ran left one of these. */
async function haveData(servers: readonly NamedServer[], keys: Keys): Promise<boolean> {
  const found = await allValues(
    servers.map(({ commands }) =>
      commands.call<number>(['EXISTS', keys.secret, keys.apiKey, keys.instances]),
    ),
  );
  if (found.ok) return found.value.some((count) => count > 0);
  throw new BackendError(`Redis cannot be used: ${found.error.message}`);
}

function isSpreadOver(stored: string, named: string): BackendError {
  return new BackendError(
    `the data is spread over other servers (${stored}) than those named (${named}). Name the earlier ones again, or stop all hosts and run \`roomcast rebalance\``,
  );
}
