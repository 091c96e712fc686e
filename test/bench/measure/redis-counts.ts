/** What a Redis has done since it runs. */
export interface RedisCounts {
  /** Commands, those that scripts run among them. */
  readonly calls: number;
  readonly outputBytes: number;
}

export async function readRedisCounts(ask: (command: string) => Promise<string>): Promise<RedisCounts> {
  const stats = await ask('INFO stats');
  const calls = [...(await ask('INFO commandstats')).matchAll(/^cmdstat_[^:]+:calls=(\d+)/gm)];
  return {
    calls: calls.reduce((sum, [, times]) => sum + Number(times), 0),
    outputBytes: Number(/^total_net_output_bytes:(\d+)/m.exec(stats)?.[1]),
  };
}
