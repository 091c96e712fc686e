import type { Logger } from 'pino';
import { BackendError, type BackendOptions } from '../../backend.ts';
import { parseRedisAddress, type RedisAddress } from '../connection/address.ts';
import { openRedisTarget, readCertificates } from '../connection/open-target.ts';
import { openStartCheck } from '../connection/start-check.ts';
import { fixedTarget } from '../connection/target.ts';
import { redisKeys } from '../keys.ts';
import { openCluster } from './cluster.ts';
import { serverName, serverNames } from './server-names.ts';
import { createSeveralServers } from './several-servers.ts';
import { createOneServer, type OpenNode, type RedisTopology, type TopologyNode } from './topology.ts';

export interface OpenTopologyDeps<N> {
  readonly options: BackendOptions;
  readonly openNode: OpenNode<N>;
  readonly log: Logger;
}

const ALL_TAGS = () => '';

/** The servers of the settings: one, several, or the masters of a Redis Cluster. */
export function openTopology<N extends TopologyNode>(deps: OpenTopologyDeps<N>): RedisTopology<N> {
  const { options, openNode, log } = deps;
  if (options.redisClusterNodes) {
    const askOnce = (address: RedisAddress) => listNodes(address, options);
    return openCluster({ seeds: clusterSeeds(options), openNode, askOnce, log });
  }
  if (options.redisUrls) {
    requireSpread(options.redisUrls);
    return createSeveralServers(
      severalAddresses(options).map((address) => ({
        name: serverName(address),
        node: openNode(fixedTarget(address), ALL_TAGS),
      })),
    );
  }
  const target = openRedisTarget(options, log);
  return createOneServer(target, openNode(target, ALL_TAGS));
}

/** The servers that the settings name, as far as it is known now where they are. */
export function addressesOf(options: BackendOptions, log: Logger): readonly RedisAddress[] {
  if (options.redisClusterNodes) return clusterSeeds(options);
  if (options.redisUrls) return severalAddresses(options);
  const target = openRedisTarget(options, log);
  const address = target.address();
  target.close();
  return address ? [address] : [];
}

async function listNodes(address: RedisAddress, options: BackendOptions): Promise<string | undefined> {
  const keys = redisKeys(options.keyPrefix);
  const asked = await openStartCheck({ address, options, keys, waits: false });
  try {
    const listed = await asked.ask(['CLUSTER', 'NODES']);
    return 'value' in listed ? String(listed.value) : undefined;
  } finally {
    asked.close();
  }
}

function clusterSeeds(options: BackendOptions): readonly RedisAddress[] {
  const certificates = readCertificates(options);
  return (options.redisClusterNodes ?? []).map((text) => parseRedisAddress(withScheme(text), certificates));
}

function severalAddresses(options: BackendOptions): readonly RedisAddress[] {
  const certificates = readCertificates(options);
  return (options.redisUrls ?? []).map((url) => parseRedisAddress(url, certificates));
}

/** The database that all servers share; a Redis Cluster has one only. */
export function databaseOf({ redisUrls, redisClusterNodes, redisUrl }: BackendOptions): number {
  const url = redisClusterNodes ? undefined : (redisUrls?.[0] ?? redisUrl);
  return url === undefined ? 0 : parseRedisAddress(url).database;
}

function requireSpread(urls: readonly string[]): void {
  if (new Set(serverNames(urls)).size < urls.length)
    throw new BackendError('REDIS_URLS names a server twice');
  if (new Set(urls.map((url) => parseRedisAddress(url).database)).size > 1) {
    throw new BackendError(
      'REDIS_URLS names different databases: channels begin with one number for all servers',
    );
  }
}

function withScheme(text: string): string {
  return text.includes('://') ? text : `redis://${text}`;
}
