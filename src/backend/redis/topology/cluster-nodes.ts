/** A node of a Redis Cluster, as one of them sees it. */
export interface ClusterNode {
  readonly host: string;
  readonly port: number;
  /** The master with the higher epoch has a slot that two masters claim. */
  readonly configEpoch: number;
  /** A replica has none. */
  readonly slots: readonly (readonly [first: number, last: number])[];
}

/**
 * Reads a reply of CLUSTER NODES, whose lines are
 * `id ip:port@busport[,hostname] flags master pings pongs epoch link slot…`. `askedHost` stands in for an address that the node
 * itself does not know.
 */
export function parseClusterNodes(reply: string, askedHost: string): ClusterNode[] {
  const nodes = [];
  for (const line of reply.split('\n')) {
    const [, address = '', flags = '', , , , configEpoch, , ...slots] = line.trim().split(' ');
    const isMaster = flags.split(',').includes('master');
    const parsed = /^(.*):(\d+)@\d+(?:,([^,]*))?/.exec(address);
    if (!parsed || flags.includes('noaddr')) continue;
    const [, ip = '', port, hostname = ''] = parsed;
    nodes.push({
      host: hostname || ip || askedHost,
      port: Number(port),
      configEpoch: Number(configEpoch),
      slots: isMaster ? slots.flatMap(slotRange) : [],
    });
  }
  return nodes;
}

/** `12`, `0-5460`, or the slot of a migration under way, `[93->-id]`, which is in one of the ranges too. */
function slotRange(text: string): [number, number][] {
  const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(text) ?? [];
  return first === undefined ? [] : [[Number(first), Number(last)]];
}
