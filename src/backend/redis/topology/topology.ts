import type { RedisCommands } from '../connection/commands.ts';
import type { RedisConnection } from '../connection/redis-connection.ts';
import type { RedisTarget } from '../connection/target.ts';

/** One server that has keys. A worker has a subscriber on each, the primary has none. */
export interface TopologyNode {
  readonly commands: RedisConnection;
  close(): Promise<void>;
}

/**
 * Returns a hash tag whose keys and channels a server has, '' if it has all, and undefined if it has none: the same each time,
 * unless that one has left the server or is `avoided`.
 */
export type TagOfServer = (avoided?: string) => string | undefined;

/** Opens the connections to one server. */
export type OpenNode<N> = (target: RedisTarget, tagOfServer: TagOfServer) => N;

/** The servers, and the one that has a given key or channel. */
export interface RedisTopology<N extends TopologyNode> {
  /** Sends each call to the server that has the key. */
  readonly commands: RedisCommands;
  /** At least one. */
  nodes(): readonly N[];
  nodeOf(key: string): N;
  /** Servers between which no key ever moves while processes run; one for all keys if they may move. */
  separate(): readonly RedisCommands[];
  separateOf(key: string): RedisCommands;
  /** Calls the listener after keys moved, with all servers: those that have no keys any more are closed next. */
  onMove(listener: (nodes: readonly N[]) => void): void;
  /** Calls the listener when another server has taken over keys: it may lack the newest writes. */
  onTakeover(listener: () => void): void;
  /** Resolves with true once it is known which server has each key, or with false after that time. */
  known(withinMs: number): Promise<boolean>;
  /** Something showed that keys have moved. */
  recheck(): void;
  close(): Promise<void>;
}

/** One server that has everything. */
export function createOneServer<N extends TopologyNode>(target: RedisTarget, node: N): RedisTopology<N> {
  return {
    commands: node.commands,
    nodes: () => [node],
    nodeOf: () => node,
    separate: () => [node.commands],
    separateOf: () => node.commands,
    onMove: () => undefined,
    onTakeover: () => undefined,
    known: () => Promise.resolve(true),
    recheck: () => undefined,
    close: async () => {
      await node.close();
      target.close();
    },
  };
}
