import { type ClusterOverview, type HostOverview, ROSTER_LEASE_MS } from '../../chat/roster.ts';
import { withinLimit } from '../../cluster/answer-limit.ts';
import { hostNameIn } from '../../cluster/host-id.ts';
import type { Outcome } from '../../protocol/codes.ts';
import { succeed } from '../../protocol/codes.ts';
import type { Sized } from '../../sizes.ts';
import type { PrimaryBackend, PrimaryBackendDeps } from '../backend.ts';
import { type Warnings, watchWarnings } from '../warnings.ts';
import { agreeOnFormat } from './connection/format.ts';
import { openRedisConnection } from './connection/redis-connection.ts';
import type { RedisTarget } from './connection/target.ts';
import { redisKeys } from './keys.ts';
import { countPeople, createInstanceReader, idsOf } from './presence/instances.ts';
import { createOccupiedRooms, rangeOf } from './presence/occupied-rooms.ts';
import { createSharedCount } from './presence/shared-count.ts';
import { openScripts } from './scripts.ts';
import { createDataMarks } from './topology/data-marks.ts';
import { databaseOf, openTopology } from './topology/open-topology.ts';
import { createWarningLook, type PrimaryNode, requireServers } from './topology/required-servers.ts';
import type { TagOfServer } from './topology/topology.ts';

export interface RedisPrimaryDeps extends PrimaryBackendDeps {
  /** The longest wait for a Redis that is still starting. */
  readonly patienceMs?: number;
  /** It is opened to look only: nothing is recorded, marked or migrated, which would bind the next start. */
  readonly examines?: boolean;
  /** The time between two looks for warnings. */
  readonly warningsEveryMs?: number;
}

interface MarkedNode extends PrimaryNode {
  /** The key of the mark of its data, undefined if it has no keys. */
  readonly markKey: () => string | undefined;
}

const PATIENCE_MS = 10_000;
/** Less than a page of the admin port waits for all of them. */
const SERVER_ANSWER_MS = 750;
/** Prometheus asks every host several times a minute, and an overview reads the rooms of all workers. */
const RECENT_MS = 5_000;

/** Connects and checks that the servers can be used; throws a `BackendError` that tells the operator why not. */
export async function openRedisPrimary(deps: RedisPrimaryDeps): Promise<PrimaryBackend & Sized> {
  const { options, log, examines = false, patienceMs = PATIENCE_MS } = deps;
  const keys = redisKeys(options.keyPrefix, databaseOf(options));
  const scripts = openScripts();
  const topology = openTopology({ options, openNode, log });
  const { commands: redis } = topology;
  const dataMarks = createDataMarks(topology.nodes);
  /** The servers that the last check found to take no writes, or to be silent. */
  let failing: ReadonlySet<MarkedNode> = new Set();
  const instances = createInstanceReader({ redis, scripts, keys });
  const occupied = createOccupiedRooms(
    { all: topology.separate, of: (room) => topology.separateOf(keys.restrictions(room)) },
    keys,
  );
  let warnings: Warnings;
  let predecessors: string[];
  try {
    await requireServers({ topology, options, keys, patienceMs, examines, log });
    // Data that cannot be marked now is marked by the workers later.
    const shown = topology
      .nodes()
      .map(({ target }) => target.shown)
      .join(', ');
    await agreeOnFormat({ redis, key: keys.format, mark: scripts.markFormat, shown, examines });
    const look = createWarningLook(topology, options, keys);
    warnings = watchWarnings({ first: (await look()) ?? [], look, everyMs: deps.warningsEveryMs, log });
    const listed = await instances.all();
    predecessors = listed.ok
      ? listed.value.filter(({ host }) => host === deps.host).map(({ instanceId }) => instanceId)
      : [];
  } catch (error) {
    await topology.close();
    throw error;
  }

  function openNode(target: RedisTarget, tagOfServer: TagOfServer): MarkedNode {
    const commands = openRedisConnection({
      target,
      scripts: [scripts.instances, scripts.markFormat, scripts.vouch, scripts.turn],
      log,
    });
    return {
      target,
      commands,
      markKey() {
        const tag = tagOfServer();
        return tag === undefined ? undefined : keys.dataMark(tag);
      },
      close: commands.close,
    };
  }

  async function check(): Promise<Outcome<void>> {
    const nodes = topology.nodes();
    // The workers tell of a single server.
    const writes = nodes.length > 1 && !examines ? dataMarks.checkEach() : [];
    // A frozen server must not hide that the others answer.
    const answers = await Promise.all(
      nodes.map(async ({ commands }, index) => {
        const pinged = withinLimit(commands.call(['PING']), SERVER_ANSWER_MS);
        const written = writes[index] && withinLimit(writes[index], SERVER_ANSWER_MS);
        return { pinged: await pinged, written: await (written ?? pinged) };
      }),
    );
    failing = new Set(nodes.filter((_, index) => answers[index]?.written.ok === false));
    const failures = answers.flatMap(({ pinged }) => (pinged.ok ? [] : [pinged]));
    const [first] = failures;
    return first && failures.length === nodes.length ? first : succeed(undefined);
  }

  async function overview(): Promise<Outcome<ClusterOverview>> {
    const listed = await instances.all();
    if (!listed.ok) return listed;
    const alive = listed.value.filter((one) => one.alive);
    const [people, rooms] = await Promise.all([
      countPeople(occupied, alive),
      occupied.countDifferent(idsOf(alive), rangeOf('room')),
    ]);
    if (!people.ok) return people;
    if (!rooms.ok) return rooms;
    return succeed({
      hosts: new Set(alive.map((one) => one.host)).size,
      workers: alive.length,
      ...people.value,
      rooms: rooms.value,
    });
  }

  const recentOverview = createSharedCount<ClusterOverview>({
    redis,
    turn: scripts.turn,
    keys: keys.overview,
    count: overview,
    toNumbers: ({ hosts, workers, clients, users, rooms }) => [hosts, workers, clients, users, rooms],
    fromNumbers: ([hosts = 0, workers = 0, clients = 0, users = 0, rooms = 0]) => ({
      hosts,
      workers,
      clients,
      users,
      rooms,
    }),
    lifetimeMs: () => RECENT_MS,
    now: () => performance.now(),
  });

  async function hosts(): Promise<Outcome<readonly HostOverview[]>> {
    const listed = await instances.all();
    if (!listed.ok) return listed;
    const byHost = new Map<string, HostOverview>();
    for (const { host, alive, clients } of listed.value) {
      if (!alive) continue;
      const { workers, clients: others } = byHost.get(host) ?? { workers: 0, clients: 0 };
      byHost.set(host, { name: hostNameIn(host), workers: workers + 1, clients: others + clients });
    }
    return succeed([...byHost.values()].sort((one, other) => (one.name < other.name ? -1 : 1)));
  }

  return {
    sizes: () => ({}),
    // Workers reach Redis themselves.
    serve: () => undefined,
    overview,
    recentOverview,
    hosts,
    async vouchFor(instanceId) {
      const args = ['', instanceId, String(ROSTER_LEASE_MS)];
      const vouched = await redis.evaluate(scripts.vouch, [keys.instances, ...keys.leases], args);
      return vouched.ok ? succeed(undefined) : vouched;
    },
    check,
    awayServers() {
      const nodes = topology.nodes();
      const away = nodes.filter((node) => !node.commands.server() || failing.has(node));
      return away.length < nodes.length ? away.map(({ target }) => target.shown) : [];
    },
    async agreeOnApiKey(offered) {
      // Hosts that start at the same moment must agree on one key.
      const stored = await redis.call<string | null>(['SET', keys.apiKey, offered, 'NX', 'GET']);
      return stored.ok ? succeed(stored.value ?? offered) : stored;
    },
    predecessors,
    get warnings() {
      return warnings.current();
    },
    close() {
      warnings.close();
      return topology.close();
    },
  };
}
