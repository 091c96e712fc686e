/** A node of a Redis Cluster, as one of them sees it. */
export interface ClusterNode {
  /** The host name that the node announces, or its IP address. */
  readonly host: string;
  /** The IP address of a node that announces a host name: replies of MOVED may name either. */
  readonly otherHost?: string;
  /** It is the node that replied. */
  readonly isMyself: boolean;
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
    const flagged = new Set(flags.split(','));
    const parsed = /^(.*):(\d+)@\d+(?:,([^,]*))?/.exec(address);
    if (!parsed || flagged.has('noaddr')) continue;
    const [, ip = '', port, hostname = ''] = parsed;
    nodes.push({
      host: hostname || ip || askedHost,
      ...(hostname && ip && { otherHost: ip }),
      isMyself: flagged.has('myself'),
      port: Number(port),
      configEpoch: Number(configEpoch),
      slots: flagged.has('master') ? slots.flatMap(slotRange) : [],
    });
  }
  return nodes;
}

/** `12`, `0-5460`, or the slot of a migration under way, `[93->-id]`, which is in one of the ranges too. */
function slotRange(text: string): [number, number][] {
  const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(text) ?? [];
  return first === undefined ? [] : [[Number(first), Number(last)]];
}
