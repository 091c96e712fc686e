import { type RedisAddress, withServer } from '../connection/address.ts';
import type { RedisTarget } from '../connection/target.ts';
import type { ClusterNode } from './cluster-nodes.ts';
import type { OpenNode, TopologyNode } from './topology.ts';

/** A node of a Redis Cluster that this process has a connection to. */
export interface ClusterMember<N> {
  readonly shown: string;
  readonly host: string;
  readonly address: RedisAddress;
  readonly node: N;
  /** The time at which a reply named it last. */
  namedAtMs: number;
}

export interface ClusterMembers<N> {
  /** In the order in which they were opened; never none before `close`. */
  all(): readonly ClusterMember<N>[];
  first(): ClusterMember<N>;
  has(member: ClusterMember<N>): boolean;
  /** Notes by which names and addresses nodes go, so that each is one member. */
  note(listed: readonly ClusterNode[]): void;
  /** Returns the member if it is open. */
  find(host: string, port: number): ClusterMember<N> | undefined;
  /** Opens the member if it is new. */
  at(host: string, port: number): ClusterMember<N>;
  /** The same, and keeps it for a while although it may have no slot. */
  named(host: string, port: number): ClusterMember<N>;
  /** Closes the members that have no slot and that no reply named lately. */
  closeUnused(): void;
  close(): Promise<void>;
}

export interface ClusterMembersDeps<N> {
  /** The user, password and TLS of every member are those of this address. */
  readonly like: RedisAddress;
  readonly openNode: OpenNode<N>;
  /** Returns a hash tag that the member at this address has: `previous` if it still does and is not `avoided`. */
  readonly tagAt: (
    shown: string,
    previous: string | undefined,
    avoided: string | undefined,
  ) => string | undefined;
  readonly hasSlots: (member: ClusterMember<N>) => boolean;
  /** Something at a member showed that slots may have moved. */
  readonly recheck: () => void;
  readonly now: () => number;
}

/** A node that is being filled has no slot yet, and replies of ASK lead to it. */
const KEEP_NAMED_MS = 10_000;

export function createClusterMembers<N extends TopologyNode>(deps: ClusterMembersDeps<N>): ClusterMembers<N> {
  const { like, openNode, tagAt, hasSlots, recheck, now } = deps;
  const members = new Map<string, ClusterMember<N>>();
  /** The address to dial a node at, by its other address. */
  let announced = new Map<string, RedisAddress>();
  const closing = new Set<Promise<void>>();

  function addressOf(host: string, port: number): RedisAddress {
    const named = withServer(like, host, port);
    return announced.get(named.shown) ?? named;
  }

  function find(host: string, port: number): ClusterMember<N> | undefined {
    return members.get(addressOf(host, port).shown);
  }

  function at(host: string, port: number): ClusterMember<N> {
    const known = find(host, port);
    if (known) return known;
    const address = addressOf(host, port);
    const { shown } = address;
    let tag: string | undefined;
    const node = openNode(fixedMaster(address, recheck), (avoided) => {
      tag = tagAt(shown, tag, avoided);
      return tag;
    });
    const member: ClusterMember<N> = { shown, host, address, node, namedAtMs: Number.NEGATIVE_INFINITY };
    members.set(shown, member);
    return member;
  }

  return {
    all: () => [...members.values()],
    first: () => members.values().next().value as ClusterMember<N>,
    has: ({ shown }) => members.has(shown),
    note(listed) {
      const names = listed.flatMap(({ host, otherHost, port }) =>
        otherHost === undefined
          ? []
          : [[withServer(like, otherHost, port).shown, withServer(like, host, port)] as const],
      );
      announced = new Map(names);
    },
    find,
    at,
    named(host, port) {
      const member = at(host, port);
      member.namedAtMs = now();
      return member;
    },
    closeUnused() {
      for (const member of members.values()) {
        const { shown, node, namedAtMs } = member;
        if (hasSlots(member) || now() - namedAtMs < KEEP_NAMED_MS) continue;
        members.delete(shown);
        const gone = node.close().finally(() => closing.delete(gone));
        closing.add(gone);
      }
    },
    close: async () => {
      await Promise.all([...closing, ...[...members.values()].map(({ node }) => node.close())]);
    },
  };
}

/** A replica that is dialled is left as soon as the slots name its master. */
function fixedMaster(address: RedisAddress, recheck: () => void): RedisTarget {
  return {
    shown: address.shown,
    database: 0,
    moves: true,
    address: () => address,
    problem: () => undefined,
    recheck,
    onMove: () => () => undefined,
    close: () => undefined,
  };
}
