import { randomBytes } from 'node:crypto';
import { RESP_TYPES } from '@redis/client';
import { BackendError } from '../../backend.ts';
import type { RedisAddress } from '../connection/address.ts';
import { createRedisClient } from '../connection/client.ts';
import { fieldOf } from '../connection/info.ts';
import { serverName } from './server-names.ts';

/** A server that gains or loses keys. A command that fails throws a `BackendError` with the server's name. */
export interface MovedServer {
  readonly name: string;
  /** The same for one database of one Redis, whatever its name. */
  readonly identity: string;
  ask<T>(args: readonly (string | Buffer)[]): Promise<T>;
  /** Strings are returned as bytes, a map as a list of its names and values. */
  askBytes<T>(args: readonly (string | Buffer)[]): Promise<T>;
  close(): void;
}

const AS_BYTES = {
  typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer, [RESP_TYPES.MAP]: Array },
} as const;

export async function openMovedServer(address: RedisAddress): Promise<MovedServer> {
  const client = createRedisClient(address, 'commands');
  const name = serverName(address);
  const opened = new Promise<void>((resolve, reject) => {
    client.once('ready', resolve);
    client.once('error', reject);
  });
  client.on('error', () => undefined);
  client.connect().catch(() => undefined);

  async function ask<T>(args: readonly (string | Buffer)[]): Promise<T> {
    try {
      return (await client.sendCommand([...args])) as T;
    } catch (error) {
      throw failed(args, error);
    }
  }

  async function askBytes<T>(args: readonly (string | Buffer)[]): Promise<T> {
    try {
      return (await client.sendCommand([...args], AS_BYTES)) as T;
    } catch (error) {
      throw failed(args, error);
    }
  }

  const failed = (args: readonly (string | Buffer)[], error: unknown) =>
    new BackendError(`Redis at ${name} refused ${String(args[0])}: ${(error as Error).message}`, {
      cause: error,
    });

  try {
    await opened;
    const runId = fieldOf(await ask<string>(['INFO', 'server']), 'run_id');
    return {
      name,
      identity: `${runId} ${address.database}`,
      ask,
      askBytes,
      close: () => client.destroy(),
    };
  } catch (error) {
    client.destroy();
    if (error instanceof BackendError) throw error;
    throw new BackendError(`Redis at ${address.shown} cannot be used: ${(error as Error).message}`);
  }
}

const TRIAL_TTL_MS = '10000';
/** Redis tries the right before it reads the value. */
const NO_DUMP = '';

/**
 * Tries everything that a move needs, before the first key moves: without a right, a move would stop half-way. The rights are
 * not part of aclRules: hosts need none of them.
 */
export async function requireMovingRights({ name, ask }: MovedServer, keyPrefix: string): Promise<void> {
  const trial = `${keyPrefix}:{rebalance:${randomBytes(6).toString('hex')}}`;
  const trials = [
    ['SET', trial, '', 'PX', TRIAL_TTL_MS],
    ['GET', trial],
    ['PTTL', trial],
    ['HVALS', `${trial}:hash`],
    ['HGETALL', `${trial}:hash`],
    ['TIME'],
    ['SCAN', '0', 'MATCH', trial, 'COUNT', '1'],
    ['DUMP', trial],
    ['RESTORE', `${trial}:copy`, TRIAL_TTL_MS, NO_DUMP],
    ['UNLINK', trial, `${trial}:copy`],
  ];
  const missing: string[] = [];
  for (const args of trials) {
    const problem = await ask(args).then(
      () => undefined,
      (error: BackendError) => error,
    );
    const reply = problem?.cause instanceof Error ? problem.cause.message : '';
    if (reply.startsWith('NOPERM')) {
      missing.push(/to run the/.test(reply) ? `+${String(args[0]).toLowerCase()}` : `~${keyPrefix}:*`);
    } else if (problem && args[0] !== 'RESTORE') throw problem;
  }
  if (missing.length === 0) return;
  throw new BackendError(
    `Redis at ${name} does not give the user all rights that this command needs, missing: ${[...new Set(missing)].join(' ')}. Grant them with ACL SETUSER until it is done; nothing was moved`,
  );
}
