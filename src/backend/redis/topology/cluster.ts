import type { Logger } from 'pino';
import type { RedisAddress } from '../connection/address.ts';
import { CALL_DEADLINE_MS } from '../connection/redis-connection.ts';
import { createWaiters } from '../connection/waiters.ts';
import { type ClusterMember, createClusterMembers } from './cluster-members.ts';
import { type ClusterNode, parseClusterNodes } from './cluster-nodes.ts';
import { slotOf } from './hash-slots.ts';
import { createRedirectedCommands, type Elsewhere } from './redirects.ts';
import { createSlotOwners } from './slot-owners.ts';
import type { OpenNode, RedisTopology, TopologyNode } from './topology.ts';

export interface ClusterDeps<N> {
  /** Some of the nodes; the first that answers names the others. All share the first one's user, password and TLS. */
  readonly seeds: readonly RedisAddress[];
  readonly openNode: OpenNode<N>;
  /** Returns the reply of CLUSTER NODES of a node that may be a replica; undefined if it does not answer. */
  readonly askOnce: (address: RedisAddress) => Promise<string | undefined>;
  readonly log: Logger;
  readonly refreshMs?: number;
  readonly now?: () => number;
}

/** A move that no reply showed: a worker that only listens learns of it by asking. */
const REFRESH_MS = 1_000;

/*
 * The masters of a Redis Cluster. Each has a connection of its own, as if it were a plain server, so deadlines, probes and
 * subscriptions are the same. CLUSTER NODES says who has which slot. It is asked every second, and at once when a reply
 * shows a move; slot-owners.ts decides which slots that are.
 */
export function openCluster<N extends TopologyNode>(deps: ClusterDeps<N>): RedisTopology<N> {
  const { seeds, openNode, askOnce, log, refreshMs = REFRESH_MS, now = () => performance.now() } = deps;
  const [like] = seeds;
  if (!like) throw new Error('a cluster without a node');
  const owners = createSlotOwners<ClusterMember<N>>();
  const members = createClusterMembers<N>({
    like,
    openNode,
    tagAt: (shown, previous, avoided) => owners.tagAt((owner) => owner.shown === shown, previous, avoided),
    hasSlots: owners.has,
    recheck,
    now,
  });
  const waiters = createWaiters();
  const moveListeners: ((nodes: readonly N[]) => void)[] = [];
  const takeoverListeners: (() => void)[] = [];
  let nodesSeen: readonly ClusterNode[] = [];
  let complete = false;
  let refreshing: Promise<void> | undefined;
  let turn = 0;
  let closed = false;

  const ownerOf = (slot: number) => owners.of(slot) ?? members.first();

  function recheck(): void {
    void refresh();
  }

  function refresh(asked?: ClusterMember<N>): Promise<void> {
    refreshing ??= ask(asked).finally(() => {
      refreshing = undefined;
    });
    return refreshing;
  }

  /** Asks that member, or one after the other until one answers. */
  async function ask(asked?: ClusterMember<N>): Promise<void> {
    if (closed) return;
    const inTurn = members.all();
    turn += 1;
    const order = asked ? [asked] : inTurn.map((_, index) => inTurn[(index + turn) % inTurn.length]);
    for (const member of order) {
      if (!member?.node.commands.server()) continue;
      const listed = await member.node.commands.call<string>(['CLUSTER', 'NODES']);
      if (closed) return;
      if (!listed.ok) continue;
      adopt(parseClusterNodes(listed.value, member.host));
      return;
    }
    // All known masters are away. Their replicas may have been promoted.
    if (asked) return;
    openAll();
    await askReplicas();
  }

  /** A connection for commands stays only at a master, but a replica knows the masters as well. */
  async function askReplicas(): Promise<void> {
    for (const member of members.all()) {
      const listed = await askOnce(member.address);
      if (closed) return;
      if (listed === undefined || !members.has(member)) continue;
      adopt(parseClusterNodes(listed, member.host));
      return;
    }
  }

  function adopt(listed: readonly ClusterNode[]): void {
    const before = complete;
    let moved = false;
    let tookOver = false;
    nodesSeen = listed;
    members.note(listed);
    for (const { isMyself, host, port, slots } of listed) {
      const asked = isMyself && members.find(host, port);
      if (asked) owners.keepOnly(asked, slots);
    }
    for (const { host, port, configEpoch, slots } of listed) {
      if (slots.length === 0) continue;
      const member = members.at(host, port);
      // A redirected call may have opened it already: a master without slots is as new as an unknown one.
      const isNew = !owners.has(member);
      if (!owners.assign(member, slots, configEpoch)) continue;
      moved = true;
      tookOver ||= isNew;
    }
    complete = owners.complete();
    if (complete) waiters.release();
    if (!moved) {
      if (complete) members.closeUnused();
      return;
    }
    const servers = members.all().filter((member) => owners.has(member));
    log.info({ servers: servers.map(({ shown }) => shown) }, 'redis: slots moved');
    const all = members.all().map(({ node }) => node);
    for (const listener of moveListeners) listener(all);
    if (before && tookOver) for (const listener of takeoverListeners) listener();
    if (complete) members.closeUnused();
  }

  function openAll(): void {
    for (const { endpoint } of seeds) if ('host' in endpoint) members.at(endpoint.host, endpoint.port);
    for (const { host, port } of nodesSeen) members.at(host, port);
  }
  openAll();
  for (const { node } of members.all()) void node.commands.usable(CALL_DEADLINE_MS).then(recheck);
  const timer = setInterval(recheck, refreshMs);

  // A node that does not name a host means its own.
  function memberOf({ host, port }: Elsewhere): ClusterMember<N> {
    return closed ? members.first() : members.named(host || members.first().host, port);
  }

  const commands = createRedirectedCommands({
    connectionOf: (slot) => ownerOf(slot).node.commands,
    connectionTo: (redirect) => memberOf(redirect).node.commands,
    refresh(redirect, slot, source) {
      if (ownerOf(slot).node.commands === source) owners.release(slot);
      return refresh(memberOf(redirect));
    },
    deadlineMs: CALL_DEADLINE_MS,
  });

  return {
    commands,
    separate: () => [commands],
    separateOf: () => commands,
    nodes: () => {
      const used = members.all().filter((member) => owners.has(member));
      return (used.length > 0 ? used : members.all()).map(({ node }) => node);
    },
    nodeOf: (key) => ownerOf(slotOf(key)).node,
    onMove: (listener) => {
      moveListeners.push(listener);
    },
    onTakeover: (listener) => {
      takeoverListeners.push(listener);
    },
    recheck,
    known: (withinMs) => (complete ? Promise.resolve(true) : waiters.wait(withinMs)),
    close: async () => {
      closed = true;
      clearInterval(timer);
      await members.close();
    },
  };
}
