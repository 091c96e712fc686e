import { BackendError } from '../backend/backend.ts';
import { type RebalanceOptions, rebalance } from '../backend/redis/topology/rebalance.ts';
import type { Printer } from './nginx.ts';
import { EXIT, notWords, readOptions } from './options.ts';

const COMMAND = {
  name: 'rebalance',
  help: `Usage: roomcast rebalance [--empty URLS]

Moves all data to the servers of REDIS_URLS (or REDIS_URL), each room to the
one that has it from now on. Stop all hosts first. A run that was cut off can
be repeated. Every server that had data must be named, here or there. The user
needs +scan +dump +restore +unlink beside the rights of the server.

  --empty URLS   comma list of servers that had data and shall have none

Example, from one server to three:
  REDIS_URLS=redis://a:6379,redis://b:6379,redis://c:6379 roomcast rebalance
`,
  options: { empty: 'string' },
} as const;

export async function runRebalance(
  args: readonly string[],
  settings: RebalanceOptions,
  print: Printer,
): Promise<number> {
  const given = readOptions(COMMAND, args, print, notWords);
  if (typeof given === 'number') return given;
  const { empty = '' } = given.values;
  const emptied = String(empty)
    .split(',')
    .filter((url) => url !== '');
  try {
    const { moved } = await rebalance({ options: settings, emptied });
    print.out(`${moved} keys moved; every key is at its server.\n`);
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof BackendError)) throw error;
    print.err(`roomcast rebalance: ${error.message}\n`);
    return EXIT.failed;
  }
}
