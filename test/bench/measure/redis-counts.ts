/** What a Redis has done since it runs. */
export interface RedisCounts {
  /** Commands, those that scripts run among them. */
  readonly calls: number;
  readonly outputBytes: number;
}

/** Calls by command, in lower case, those that scripts run among them. A subcommand is `pubsub|shardnumsub`. */
export type CallsByCommand = Readonly<Record<string, number>>;

type AskRedis = (command: string) => Promise<string>;

export async function readRedisCounts(ask: AskRedis): Promise<RedisCounts> {
  const stats = await ask('INFO stats');
  const calls = Object.values(await readCallsByCommand(ask));
  return {
    calls: calls.reduce((sum, times) => sum + times, 0),
    outputBytes: Number(/^total_net_output_bytes:(\d+)/m.exec(stats)?.[1]),
  };
}

export async function readCallsByCommand(ask: AskRedis): Promise<CallsByCommand> {
  const lines = (await ask('INFO commandstats')).matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm);
  return Object.fromEntries([...lines].map(([, command = '', calls]) => [command, Number(calls)]));
}

/** The connections and the memory of a Redis now. */
export interface RedisHoldings {
  readonly connections: number;
  /** Of its data and its connections. */
  readonly memoryBytes: number;
}

export async function readRedisHoldings(ask: AskRedis): Promise<RedisHoldings> {
  const [clients, memory] = [await ask('INFO clients'), await ask('INFO memory')];
  return {
    // The connection that asks is not counted.
    connections: Number(/^connected_clients:(\d+)/m.exec(clients)?.[1]) - 1,
    memoryBytes: Number(/^used_memory:(\d+)/m.exec(memory)?.[1]),
  };
}
