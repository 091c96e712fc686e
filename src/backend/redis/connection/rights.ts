import { createHash } from 'node:crypto';
import { roomOf } from '../../../chat/room.ts';
import { literalPattern, type RedisKeys, redisKeys } from '../keys.ts';

/*
 * The rights that a Redis user needs. The start check and a running worker's rights check try each command once, on keys of
 * their own. The contract suite runs as a user with exactly these rights, and SCAN, so a command that is missing here fails there.
 */

/** A command to try, and the rule of ACL SETUSER that allows it. */
export interface PermissionTest {
  readonly rule: string;
  readonly args: readonly string[];
}

export interface ChannelPermissionTest {
  readonly rule: string;
  readonly channel: string;
}

export interface PermissionTests {
  /** The order matters: the last one deletes the keys. */
  readonly commands: readonly PermissionTest[];
  readonly channels: readonly ChannelPermissionTest[];
  /** The rule that allows all keys. */
  readonly keyRule: string;
}

export const SUBSCRIBE_RULE = '+ssubscribe';
export const UNSUBSCRIBE_RULE = '+sunsubscribe';

/** Needed beside the others if ACK_REPLICAS is set. */
export const WAIT_TEST: PermissionTest = { rule: '+wait', args: ['WAIT', '0', '0'] };

/** Needed beside the others in a Redis Cluster. */
export const CLUSTER_TESTS: readonly PermissionTest[] = [
  { rule: '+asking', args: ['ASKING'] },
  { rule: '+cluster|nodes', args: ['CLUSTER', 'NODES'] },
];

const SCRIPT = "return redis.call('EXISTS', KEYS[1])";
const SHA1 = createHash('sha1').update(SCRIPT).digest('hex');
const TRIAL_KEY_TTL_MS = '10000';

/**
 * `name` MUST be unique to the check that runs them, since several may run at the same moment. Each key gets an expiry right
 * after it is created: a user without the right to DEL, or a check that is cut off, deletes none.
 */
export function permissionTestsFor(keyPrefix: string, keys: RedisKeys, name: string): PermissionTests {
  const base = `${keyPrefix}:{start:${name}}`;
  const [text, hash, zset, stream] = ['text', 'hash', 'zset', 'stream'].map((kind) => `${base}:${kind}`) as [
    string,
    string,
    string,
    string,
  ];
  const [keyRule, ...channelRules] = patternRules(keyPrefix) as [string, string, string];
  const channel = keys.channel(roomOf('/', name));
  const commands = [
    ['PING'],
    ['INFO', 'server'],
    ['TIME'],
    ['SET', text, '1', 'NX', 'GET', 'PX', TRIAL_KEY_TTL_MS],
    ['GET', text],
    ['EXISTS', text],
    ['EXPIRE', text, '10'],
    ['PEXPIREAT', text, '99999999999999'],
    ['PEXPIRETIME', text],
    ['PTTL', text],
    ['PERSIST', text],
    ['PEXPIRE', text, TRIAL_KEY_TTL_MS],
    ['HSET', hash, 'f', '1'],
    ['PEXPIRE', hash, TRIAL_KEY_TTL_MS],
    ['HGET', hash, 'f'],
    ['HMGET', hash, 'f'],
    ['HGETALL', hash],
    ['HEXISTS', hash, 'f'],
    ['HKEYS', hash],
    ['HVALS', hash],
    ['HLEN', hash],
    ['HDEL', hash, 'g'],
    ['ZADD', zset, '0', 'm'],
    ['PEXPIRE', zset, TRIAL_KEY_TTL_MS],
    ['ZCARD', zset],
    ['ZCOUNT', zset, '0', '1'],
    ['ZSCORE', zset, 'm'],
    ['ZMSCORE', zset, 'm'],
    ['ZRANGE', zset, '0', '0'],
    ['ZRANGEBYLEX', zset, '-', '+'],
    ['ZREM', zset, 'n'],
    ['ZREMRANGEBYRANK', zset, '1', '1'],
    ['ZREMRANGEBYSCORE', zset, '1', '1'],
    ['ZPOPMIN', zset],
    ['XADD', stream, '1-0', 'm', '1'],
    ['PEXPIRE', stream, TRIAL_KEY_TTL_MS],
    ['XINFO', 'STREAM', stream],
    ['XRANGE', stream, '-', '+'],
    ['XREVRANGE', stream, '+', '-'],
    ['XTRIM', stream, 'MAXLEN', '1'],
    ['XDEL', stream, '1-0'],
    ['SCRIPT', 'LOAD', SCRIPT],
    ['EVALSHA', SHA1, '1', text],
    ['EVAL', SCRIPT, '1', text],
    ['SPUBLISH', channel, ''],
    ['PUBSUB', 'SHARDNUMSUB', channel],
    ['DEL', text, hash, zset, stream],
  ];
  const [adapterRule = '', probeRule = ''] = channelRules;
  const probe = keys.probe(name);
  return {
    commands: commands.map((args) => ({ rule: ruleOf(args), args })),
    channels: [
      { rule: adapterRule, channel },
      { rule: probe.startsWith(`${keyPrefix}:`) ? probeRule : adapterRule, channel: probe },
    ],
    keyRule,
  };
}

const WITH_SUBCOMMAND = new Set(['XINFO', 'SCRIPT', 'PUBSUB']);

function ruleOf([command = '', subcommand = '']: readonly string[]): string {
  const name = WITH_SUBCOMMAND.has(command) ? `${command}|${subcommand}` : command;
  return `+${name.toLowerCase()}`;
}

/** The rules for the keys, the adapter's channels and the probe's. The prefix is escaped, since it is no pattern. */
function patternRules(keyPrefix: string): readonly string[] {
  const literal = literalPattern(keyPrefix);
  return [`~${literal}:*`, `&${literal}#*`, `&${literal}:*`];
}

/** The arguments of ACL SETUSER that follow the name and the password. */
export function aclRules(keyPrefix: string): readonly string[] {
  const { commands } = permissionTestsFor(keyPrefix, redisKeys(keyPrefix), '');
  const commandRules = new Set([...commands.map(({ rule }) => rule), SUBSCRIBE_RULE, UNSUBSCRIBE_RULE]);
  return [...patternRules(keyPrefix), '-@all', ...[...commandRules].sort()];
}
