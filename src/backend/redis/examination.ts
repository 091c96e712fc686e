import type { BackendOptions, PrimaryBackendDeps } from '../backend.ts';
import { BackendError } from '../backend.ts';
import type { RedisAddress } from './connection/address.ts';
import { fieldOf } from './connection/info.ts';
import { openStartCheck, type StartCheck } from './connection/start-check.ts';
import { redisKeys } from './keys.ts';
import { openRedisPrimary } from './primary.ts';
import { addressesOf } from './topology/open-topology.ts';

export interface ExaminationDeps {
  readonly options: BackendOptions;
  /** Ms since 1970. */
  readonly now: () => number;
  readonly log: PrimaryBackendDeps['log'];
}

const PATIENCE_MS = 3_000;
const MAX_CLOCK_DIFFERENCE_MS = 1_000;
const MAX_LAG_S = 10;
/** replace.lua empties the part of a stream that may share such a node with an erased text. */
const MAX_NODE_BYTES = 4_096;

/**
 * Returns what is wrong with the Redis of the settings, one text each, the instruction in its last sentence. It first
 * does what the start does, then looks at what a start lets pass.
 */
export async function examineRedis({ options, now, log }: ExaminationDeps): Promise<string[]> {
  const problems: string[] = [];
  try {
    const primary = await openRedisPrimary({
      options,
      host: 'doctor',
      log,
      examines: true,
      patienceMs: PATIENCE_MS,
    });
    problems.push(...primary.warnings);
    await primary.close();
  } catch (error) {
    if (!(error instanceof BackendError)) throw error;
    // The connection is of no use for more.
    return [error.message];
  }
  const found = await Promise.all(
    addressesOf(options, log).map((address) => problemsAt(address, options, now)),
  );
  return [...new Set([...problems, ...found.flat()])];
}

async function problemsAt(
  address: RedisAddress,
  options: BackendOptions,
  now: () => number,
): Promise<string[]> {
  const check = await openStartCheck({
    address,
    options,
    keys: redisKeys(options.keyPrefix, address.database),
    waits: false,
  });
  try {
    return [
      ...(await clockProblems(check, now)),
      ...(await infoProblems(check)),
      ...(await configProblems(check)),
    ];
  } finally {
    check.close();
  }
}

async function clockProblems({ ask }: StartCheck, now: () => number): Promise<string[]> {
  const askedAt = now();
  const reply = await ask(['TIME']);
  if ('refused' in reply) return [];
  const [seconds, micros] = reply.value as [string, string];
  const midway = (askedAt + now()) / 2;
  const aheadMs = Math.round(Number(seconds) * 1_000 + Number(micros) / 1_000 - midway);
  if (Math.abs(aheadMs) <= MAX_CLOCK_DIFFERENCE_MS) return [];
  const direction = aheadMs > 0 ? 'ahead of' : 'behind';
  return [
    `The clock of Redis is ${Math.abs(aheadMs)} ms ${direction} this machine’s: tokens expire at the wrong time. Let NTP set both (chronyd, systemd-timesyncd).`,
  ];
}

/** The user of deploy/redis/users.acl may not read the configuration; then nothing is said about it. */
async function configProblems({ ask }: StartCheck): Promise<string[]> {
  const reply = await ask(['CONFIG', 'GET', 'stream-node-max-bytes']);
  if ('refused' in reply) return [];
  // A map or a list, by the version of the protocol; the value is the last in both.
  const bytes = Object.values(reply.value as object).at(-1) ?? String(MAX_NODE_BYTES);
  if (Number(bytes) > 0 && Number(bytes) <= MAX_NODE_BYTES) return [];
  return [
    `Redis has stream-node-max-bytes ${bytes}: the text of a deleted message may stay in its memory and its dumps as long as the messages around it. Set it to ${MAX_NODE_BYTES}, the default, or less.`,
  ];
}

async function infoProblems({ ask }: StartCheck): Promise<string[]> {
  const info = await ask(['INFO']);
  if ('refused' in info) return [];
  const field = (name: string) => fieldOf(String(info.value), name);
  const problems = [];
  if (field('aof_last_write_status') === 'err' || field('rdb_last_bgsave_status') === 'err') {
    problems.push(
      'Redis could not write its data to disk the last time, and refuses writes until it can. Free space on its disk, and look into its log.',
    );
  }
  for (let index = 0; index < Number(field('connected_slaves') ?? 0); index += 1) {
    const replica = field(`slave${index}`) ?? '';
    const [, state = ''] = /state=(\w+)/.exec(replica) ?? [];
    const [, lag = '0'] = /lag=(\d+)/.exec(replica) ?? [];
    if (state === 'online' && Number(lag) <= MAX_LAG_S) continue;
    problems.push(
      `A replica of Redis does not follow (state ${state}, silent for ${lag} s): a failover to it would lose messages. Look into its log, and at the network between them.`,
    );
  }
  return problems;
}
