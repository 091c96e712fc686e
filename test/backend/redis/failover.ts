import { expect } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import type { RedisProcess } from '../../support/redis-server.ts';

/** Settings of servers that copy each other at once. */
export const RESYNC = ['--repl-diskless-sync-delay', '0'];

/** Resolves once the replica has a copy of the master. */
export async function follow(replica: RedisProcess, master: RedisProcess): Promise<void> {
  await replica.ask(`REPLICAOF 127.0.0.1 ${master.port}`);
  await eventually(async () =>
    expect(await replica.ask('INFO replication')).toMatch(/master_link_status:up/),
  );
}

async function replicated(server: RedisProcess, field: string): Promise<number> {
  return Number(new RegExp(`${field}:(\\d+)`).exec(await server.ask('INFO replication'))?.[1]);
}

/** Makes a change and loses it: the replica is promoted without it, and the master becomes a copy of that replica. */
export async function demote(
  master: RedisProcess,
  replica: RedisProcess,
  change: () => Promise<unknown>,
): Promise<void> {
  await follow(replica, master);
  // One that followed before may lack the newest message still.
  const written = await replicated(master, 'master_repl_offset');
  await eventually(async () =>
    expect(await replicated(replica, 'slave_repl_offset')).toBeGreaterThanOrEqual(written),
  );
  await replica.ask('REPLICAOF NO ONE');
  await change();
  await follow(master, replica);
}
