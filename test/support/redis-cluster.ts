import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type Certificates, tlsOfCli, tlsSettings } from './certificates.ts';
import { eventually } from './eventually.ts';
import { openRedis, type RedisProcess } from './redis-server.ts';

const run = promisify(execFile);

export interface RedisCluster {
  /** Those that began as masters, each with a third of the slots. */
  readonly masters: readonly RedisProcess[];
  readonly replicas: readonly RedisProcess[];
  /** `host:port` of the masters. */
  readonly addresses: readonly string[];
  /** Runs `redis-cli --cluster` and returns what it printed. */
  manage(...args: readonly string[]): Promise<string>;
  /** Moves one slot and its keys as redis-cli does, from whichever master has it. */
  moveSlot(slot: number, to: RedisProcess): Promise<void>;
  /** The node that has the slot now. */
  ownerOf(slot: number): Promise<RedisProcess>;
  /** The replica of this master. */
  replicaOf(master: RedisProcess): Promise<RedisProcess>;
  /** Starts an empty node and makes it a member. */
  addNode(): Promise<RedisProcess>;
  /** Empties the masters and makes a new cluster of them, with other slots each and epochs that begin anew. */
  rebuild(): Promise<void>;
  close(): Promise<void>;
}

export interface RedisClusterOptions {
  readonly replicas?: 0 | 1;
  readonly settings?: readonly string[];
  /** For nodes that speak TLS alone. */
  readonly certificates?: Certificates;
}

const MASTERS = 3;

/** Longer than a busy machine keeps a node waiting: a node that others take for dead refuses everything. */
const NODE_TIMEOUT_MS = 15_000;
/** The time until a replica takes over, for clusters with replicas once they are formed. */
const FAILOVER_AFTER_MS = 2_000;
/** A started master waits for two seconds before it serves. */
const FORMED_WITHIN_MS = 60_000;

/** Resolves once every node serves its slots and knows every other node. */
export function clusterFormed(nodes: readonly RedisProcess[]): Promise<void> {
  return eventually(
    async () => {
      for (const node of nodes) {
        const [state, listed] = [await node.ask('CLUSTER INFO'), await node.ask('CLUSTER NODES')];
        const known = listed.match(/^[0-9a-f]{40} /gm) ?? [];
        const hasAll = known.length === nodes.length && !listed.includes('handshake');
        if (!hasAll || !state.includes('cluster_state:ok')) throw new Error('not formed yet');
      }
    },
    { timeout: FORMED_WITHIN_MS, interval: 50 },
  );
}

/** Resolves once a replica of the node has everything that the node has written until now. */
export async function replicated(node: RedisProcess): Promise<void> {
  const written = offsetIn(await node.ask('INFO replication'), /^master_repl_offset:(\d+)/m);
  await eventually(async () => {
    const received = offsetIn(await node.ask('INFO replication'), /^slave0:.*state=online,offset=(\d+)/m);
    if (received < written) throw new Error('not replicated yet');
  });
}

function offsetIn(role: string, pattern: RegExp): number {
  return Number(pattern.exec(role)?.[1] ?? -1);
}

/** A real Redis Cluster of three masters. */
export async function openRedisCluster(options: RedisClusterOptions = {}): Promise<RedisCluster> {
  const { replicas = 0, settings = [], certificates } = options;
  const tls = certificates ? [...tlsSettings(certificates), '--tls-cluster', 'yes'] : [];
  const cliTls = certificates ? tlsOfCli(certificates) : [];
  const nodes: RedisProcess[] = [];

  async function openNode(): Promise<RedisProcess> {
    const node = await openRedis([
      ...['--cluster-enabled', 'yes'],
      ...['--cluster-node-timeout', String(NODE_TIMEOUT_MS), '--repl-ping-replica-period', '1'],
      ...['--repl-diskless-sync-delay', '0'],
      ...tls,
      ...settings,
    ]);
    nodes.push(node);
    return node;
  }

  const addressOf = ({ port }: RedisProcess) => `127.0.0.1:${port}`;
  const manage = async (...args: readonly string[]) =>
    (await run('redis-cli', [...cliTls, '--cluster', ...args], { maxBuffer: 16 * 1024 * 1024 })).stdout;

  const command = async (node: RedisProcess, ...args: readonly string[]) =>
    (await run('redis-cli', [...cliTls, '-e', '-p', String(node.port), ...args])).stdout.trim();

  async function ownerOf(slot: number): Promise<RedisProcess> {
    for (const node of nodes) {
      const own = await command(node, 'CLUSTER', 'NODES').catch(() => '');
      const ranges = /myself,master \S+ \S+ \S+ \S+ \S+ (.*)$/m.exec(own)?.[1] ?? '';
      const has = [...ranges.matchAll(/(?<![[\d])(\d+)(?:-(\d+))?(?![\d-])/g)].some(
        ([, first, last = first]) => slot >= Number(first) && slot <= Number(last),
      );
      if (has) return node;
    }
    throw new Error(`no node has slot ${slot}`);
  }

  async function moveSlot(slot: number, to: RedisProcess): Promise<void> {
    const from = await ownerOf(slot);
    const [fromId, toId] = [await command(from, 'CLUSTER', 'MYID'), await command(to, 'CLUSTER', 'MYID')];
    const one = String(slot);
    await command(to, 'CLUSTER', 'SETSLOT', one, 'IMPORTING', fromId);
    await command(from, 'CLUSTER', 'SETSLOT', one, 'MIGRATING', toId);
    for (;;) {
      const keys = await command(from, 'CLUSTER', 'GETKEYSINSLOT', one, '10');
      if (keys === '') break;
      await command(
        from,
        ...['MIGRATE', '127.0.0.1', String(to.port), '', '0', '5000', 'KEYS'],
        ...keys.split('\n'),
      );
    }
    await command(to, 'CLUSTER', 'SETSLOT', one, 'NODE', toId);
    await command(from, 'CLUSTER', 'SETSLOT', one, 'NODE', toId);
  }

  async function close(): Promise<void> {
    await Promise.all(nodes.map((node) => node.close()));
  }

  async function create(from: readonly RedisProcess[]): Promise<void> {
    await manage(
      ...['create', ...from.map(addressOf), '--cluster-replicas', String(replicas), '--cluster-yes'],
    );
    await agreed();
  }

  async function agreed(): Promise<void> {
    await clusterFormed(nodes);
    await eventually(async () => {
      const roles = await Promise.all(nodes.map((node) => node.ask('INFO replication')));
      // A replica that has no data yet does not take over.
      const synced = roles.filter((role) => role.includes('master_link_status:up'));
      if (synced.length < MASTERS * replicas) throw new Error('the replicas have no data yet');
    });
  }

  try {
    await Promise.all(Array.from({ length: MASTERS * (1 + replicas) }, openNode));
    await create(nodes);
    if (replicas > 0) {
      const setting = `CONFIG SET cluster-node-timeout ${FAILOVER_AFTER_MS}`;
      await Promise.all(nodes.map((node) => node.ask(setting)));
    }
  } catch (error) {
    await close();
    throw error;
  }
  const masters = nodes.slice(0, MASTERS);
  return {
    masters,
    replicas: nodes.slice(MASTERS),
    addresses: masters.map(addressOf),
    manage,
    moveSlot,
    ownerOf,
    async replicaOf({ port }) {
      for (const node of nodes) {
        const role = await node.ask('INFO replication');
        if (role.includes('role:slave') && role.includes(`master_port:${port}\r`)) return node;
      }
      throw new Error(`no node replicates ${port}`);
    },
    async addNode() {
      const node = await openNode();
      await manage('add-node', addressOf(node), addressOf(masters[0] as RedisProcess));
      await agreed();
      return node;
    },
    async rebuild() {
      for (const node of nodes) {
        await node.ask('FLUSHALL');
        await node.ask('CLUSTER RESET HARD');
      }
      await create([...nodes].reverse());
    },
    close,
  };
}
