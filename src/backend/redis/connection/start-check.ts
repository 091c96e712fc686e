import { randomBytes } from 'node:crypto';
import { ErrorReply } from '@redis/client';
import { BackendError, type BackendOptions, type RedisChoice } from '../../backend.ts';
import type { RedisKeys } from '../keys.ts';
import type { RedisAddress } from './address.ts';
import { createRedisClient } from './client.ts';
import { fieldOf } from './info.ts';
import { CLUSTER_TESTS, permissionTestsFor, SUBSCRIBE_RULE, UNSUBSCRIBE_RULE, WAIT_TEST } from './rights.ts';
import { addressSetting, userSetting } from './setting-names.ts';

export interface StartCheckDeps {
  readonly address: RedisAddress;
  readonly options: RedisChoice & Pick<BackendOptions, 'keyPrefix'>;
  readonly keys: RedisKeys;
  /** ACK_REPLICAS is set. */
  readonly waits: boolean;
}

/** A server's reply to a command that was tried. */
export type PermissionTestReply = { readonly value: unknown } | { readonly refused: string };

/** A connection for the checks at the start. It dials once, and it returns refusals instead of logging them. */
export interface StartCheck {
  ask(args: readonly string[]): Promise<PermissionTestReply>;
  /** Tries once what the workers do. Throws a `BackendError` that tells the operator what this server or its user lacks. */
  requireFit(): Promise<void>;
  close(): void;
}

/** The server is a replica, which another one may follow as the master. */
export class ReplicaError extends BackendError {}

const ANSWER_MS = 3_000;
const NOT_ALLOWED = /^NOPERM/;

export async function openStartCheck(deps: StartCheckDeps): Promise<StartCheck> {
  const { address, options, keys, waits } = deps;
  const { keyPrefix } = options;
  /** Then it must be a node of a Redis Cluster; otherwise it must not be one. */
  const clustered = options.redisClusterNodes !== undefined;
  const client = createRedisClient(address, 'commands');
  const ready = new Promise<PermissionTestReply>((resolve) => {
    client.on('ready', () => resolve({ value: undefined }));
    client.on('error', (error: unknown) => resolve({ refused: reasonOf(error) }));
  });
  client.connect().catch(() => undefined);
  const opened = await withinLimit(ready);

  async function requireMaster(): Promise<void> {
    const [replication, cluster] = await Promise.all([
      ask(['INFO', 'replication']),
      ask(['INFO', 'cluster']),
    ]);
    const field = (info: PermissionTestReply, name: string) =>
      'value' in info ? fieldOf(String(info.value), name) : undefined;
    if (!clustered && field(cluster, 'cluster_enabled') === '1') throw isClusterNode();
    if (clustered && field(cluster, 'cluster_enabled') === '0') throw isNoClusterNode();
    if (field(replication, 'role') === 'slave') {
      throw isReplica(field(replication, 'master_host'), field(replication, 'master_port'));
    }
  }

  function isClusterNode(): BackendError {
    return new BackendError(
      `Redis at ${address.shown} is a node of a Redis Cluster, and ${addressSetting(options)} reaches this one node only. Name its nodes in REDIS_CLUSTER_NODES instead, or point ${addressSetting(options)} at a Redis without cluster mode`,
    );
  }

  function isNoClusterNode(): BackendError {
    return new BackendError(
      `Redis at ${address.shown} is no node of a Redis Cluster. Name it in REDIS_URL instead of REDIS_CLUSTER_NODES`,
    );
  }

  function isReplica(host?: string, port?: string): ReplicaError {
    const master = host === undefined ? '' : `, ${host}:${port}`;
    const advice = options.redisSentinels
      ? 'The Sentinels in REDIS_SENTINELS name it as the master: check what they watch'
      : `Point ${addressSetting(options)} at its master${master}`;
    return new ReplicaError(`Redis at ${address.shown} is a replica, which takes no writes. ${advice}`);
  }

  async function ask(args: readonly string[]): Promise<PermissionTestReply> {
    return withinLimit(replyTo(client.sendCommand([...args])));
  }

  async function requireRights(): Promise<void> {
    const missing = new Set<string>();
    const unknown = new Set<string>();
    const collect = (answer: PermissionTestReply, rule: string, patternRule?: string) => {
      if (!('refused' in answer)) return;
      const { refused } = answer;
      // Redis checks the rights before it looks which node has the key.
      if (clustered && /^(MOVED|ASK|TRYAGAIN|CLUSTERDOWN)/.test(refused)) return;
      if (/^(MOVED|CROSSSLOT)/.test(refused)) throw isClusterNode();
      if (refused.startsWith('READONLY')) throw isReplica();
      if (/unknown (sub)?command/i.test(refused)) unknown.add(rule.slice(1).toUpperCase().replace('|', ' '));
      if (!NOT_ALLOWED.test(refused)) return;
      missing.add(patternRule !== undefined && !/to run the/.test(refused) ? patternRule : rule);
    };
    const {
      commands: always,
      channels,
      keyRule,
    } = permissionTestsFor(keyPrefix, keys, randomBytes(6).toString('hex'));
    const commands = waits ? [WAIT_TEST, ...always] : always;
    const replies = await Promise.all(commands.map(({ args }) => ask(args)));
    for (const [index, { rule }] of commands.entries()) {
      const answer = replies[index] as PermissionTestReply;
      collect(answer, rule, rule === '+spublish' ? channels[0]?.rule : keyRule);
    }
    for (const { rule, args } of clustered ? CLUSTER_TESTS : []) collect(await ask(args), rule);
    for (const { rule, channel } of channels) {
      collect(await withinLimit(replyTo(client.sSubscribe(channel, () => undefined))), SUBSCRIBE_RULE, rule);
      collect(await withinLimit(replyTo(client.sUnsubscribe(channel))), UNSUBSCRIBE_RULE);
    }
    if (unknown.size > 0) {
      throw new BackendError(
        `Redis at ${address.shown} does not know ${[...unknown].join(', ')}, which Roomcast needs: it is renamed or disabled there`,
      );
    }
    if (missing.size > 0) throw lacksRights([...missing]);
  }

  function lacksRights(missing: readonly string[]): BackendError {
    return new BackendError(
      `Redis at ${address.shown} does not give the user in ${userSetting(options)} all rights that Roomcast needs, missing: ${missing.join(' ')}. Grant them with ACL SETUSER; deploy/redis/users.acl has the whole line`,
    );
  }

  return {
    ask,
    async requireFit() {
      if ('refused' in opened) {
        if (NOT_ALLOWED.test(opened.refused)) throw lacksRights(['+select']);
        throw new BackendError(`Redis at ${address.shown} cannot be used: ${opened.refused}`);
      }
      await requireMaster();
      await requireRights();
    },
    close: () => client.destroy(),
  };
}

function replyTo(answer: Promise<unknown>): Promise<PermissionTestReply> {
  return answer.then(
    (value) => ({ value }),
    (error: unknown) => ({ refused: reasonOf(error) }),
  );
}

async function withinLimit(answer: Promise<PermissionTestReply>): Promise<PermissionTestReply> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<PermissionTestReply>((resolve) => {
    timer = setTimeout(resolve, ANSWER_MS, { refused: 'no answer in time' });
  });
  const first = await Promise.race([answer, limit]);
  clearTimeout(timer);
  return first;
}

function reasonOf(error: unknown): string {
  return error instanceof ErrorReply || error instanceof Error ? error.message : 'no answer';
}
