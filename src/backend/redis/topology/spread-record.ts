import type { Outcome } from '../../../protocol/codes.ts';
import { BackendError } from '../../backend.ts';
import type { RedisCommands } from '../connection/commands.ts';
import type { RedisKeys } from '../keys.ts';

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
export async function requireSameServers(
  servers: readonly NamedServer[],
  keys: Keys,
  { record }: { readonly record: boolean },
): Promise<void> {
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
  if (record) await recordSpread(servers, keys);
}

/**
 * Hosts with different lists may start at the same moment. All write in one order and write over no record, so the first server
 * that two lists share lets one of them in.
 */
async function recordSpread(servers: readonly NamedServer[], keys: Keys): Promise<void> {
  const spread = spreadOf(servers);
  const inOrder = [...servers].sort((one, other) => (one.name < other.name ? -1 : 1));
  for (const server of inOrder) {
    const recording = server.commands.call<string | null>(['SET', keys.spread, spread, 'NX', 'GET']);
    const stored = await required(server, recording);
    if (stored !== null && stored !== spread) throw isSpreadOver(stored, spread);
  }
}

const MOVING = 'being moved:';

/** The record while `roomcast rebalance` runs. It names all servers that may have a part. */
export function markOfMove(names: readonly string[]): string {
  return [MOVING, ...names].join(' ');
}

/** The servers that a record or a mark names. */
export function serversIn(record: string): readonly string[] {
  return record.replace(MOVING, '').split(' ').filter(Boolean);
}

function spreadOf(servers: readonly NamedServer[]): string {
  return servers
    .map(({ name }) => name)
    .sort()
    .join(' ');
}

async function read(servers: readonly NamedServer[], keys: Keys): Promise<readonly (string | null)[]> {
  const stored = await Promise.all(
    servers.map((server) => required(server, server.commands.call<string | null>(['GET', keys.spread]))),
  );
  // It names at least two.
  return stored.map((names) => (names?.includes(' ') ? names : null));
}

/** Every host that ever ran left one of these. */
async function haveData(servers: readonly NamedServer[], keys: Keys): Promise<boolean> {
  const found = await Promise.all(
    servers.map((server) =>
      required(server, server.commands.call<number>(['EXISTS', keys.secret, keys.apiKey, keys.instances])),
    ),
  );
  return found.some((count) => count > 0);
}

async function required<T>({ name }: NamedServer, called: Promise<Outcome<T>>): Promise<T> {
  const answer = await called;
  if (answer.ok) return answer.value;
  throw new BackendError(`Redis at ${name} cannot be used: ${answer.error.message}`);
}

function isSpreadOver(stored: string, named: string): BackendError {
  if (stored.startsWith(MOVING)) {
    return new BackendError(
      `\`roomcast rebalance\` was cut off, or runs: the data is being moved between ${serversIn(stored).join(' ')}. Run it to its end`,
    );
  }
  return new BackendError(
    `the data is spread over other servers (${stored}) than those named (${named}). Name the earlier ones again, or stop all hosts and run \`roomcast rebalance\``,
  );
}
