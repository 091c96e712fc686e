import type { RedisCommands } from '../connection/commands.ts';
import { tagOf } from './hash-slots.ts';
import { createRendezvous } from './rendezvous.ts';
import type { RedisTopology, TopologyNode } from './topology.ts';

export interface NamedNode<N> {
  /** Decides which keys the server has; the same in every process. */
  readonly name: string;
  readonly node: N;
}

/** Several plain servers that know nothing of each other. The hash tag of a key decides which of them has it. */
export function createSeveralServers<N extends TopologyNode>(
  servers: readonly NamedNode<N>[],
): RedisTopology<N> {
  const nodes = servers.map(({ node }) => node);
  const indexOf = createRendezvous(servers.map(({ name }) => name));
  const nodeOf = (key: string) => nodes[indexOf(tagOf(key))] as N;
  return {
    commands: createRoutedCommands((key) => nodeOf(key).commands),
    nodes: () => nodes,
    nodeOf,
    separate: () => nodes.map((node) => node.commands),
    separateOf: (key) => nodeOf(key).commands,
    onMove: () => undefined,
    onTakeover: () => undefined,
    known: () => Promise.resolve(true),
    recheck: () => undefined,
    close: async () => {
      await Promise.all(nodes.map((node) => node.close()));
    },
  };
}

function createRoutedCommands(commandsOf: (key: string) => RedisCommands): RedisCommands {
  return {
    call: (args) => commandsOf(keyOf(args)).call(args),
    publish: (channel, frame) => commandsOf(channel).publish(channel, frame),
    evaluate: (script, keys, args) => commandsOf(keys[0] ?? '').evaluate(script, keys, args),
    inOneOrder: (key, other) => commandsOf(key) === commandsOf(other),
  };
}

const WITH_SUBCOMMAND = new Set(['XINFO', 'PUBSUB']);

/** The key or channel of a command. */
export function keyOf([command = '', first = '', second = '']: readonly string[]): string {
  return WITH_SUBCOMMAND.has(command) ? second : first;
}
