import { setTimeout as pause } from 'node:timers/promises';
import type { ClientSpec } from '../../../src/load/driver/orders.ts';
import { onStage } from '../stage.ts';
import type { System } from '../systems/system.ts';
import { type CallsByCommand, readCallsByCommand } from './redis-counts.ts';

export interface IdleLoad {
  /** Connections, each of a user of its own in one room. */
  readonly users: number;
  readonly rooms: number;
  readonly workers: number;
  /** The length of the measured window. */
  readonly seconds: number;
  /** The time between the last join and the window. Members may be told of joins ten seconds later. */
  readonly settleSeconds?: number;
}

export interface IdleCommands {
  readonly seconds: number;
  /** Calls within the window by command, those that scripts run among them. */
  readonly calls: CallsByCommand;
}

const SETTLE_S = 12;
/** The command that the measurement itself adds. */
const ASKED = 'info';

/** Counts the commands that Redis runs for users who are connected and do nothing. */
export function measureIdleCommands(system: System, load: IdleLoad): Promise<IdleCommands> {
  const { users, rooms, workers, seconds, settleSeconds = SETTLE_S } = load;
  if (users < rooms) throw new Error('each room needs a user');
  return onStage(system, { workers, drivers: 1 }, async ({ system: { ports, askRedis }, crowd }) => {
    if (askRedis === undefined) throw new Error(`${system.title} has no Redis`);
    await crowd.connect(usersInRooms({ users, rooms, ports }));
    await pause(settleSeconds * 1_000);
    return countIdleCommands(askRedis, seconds);
  });
}

/** Spreads the users evenly over the rooms, and the members of each room over the workers. */
export function usersInRooms({
  users,
  rooms,
  ports,
}: Pick<IdleLoad, 'users' | 'rooms'> & { readonly ports: readonly number[] }): ClientSpec[] {
  return Array.from({ length: users }, (_, id) => {
    const room = id % rooms;
    const port = ports[(room + Math.floor(id / rooms)) % ports.length] as number;
    return { id, port, room: `room${room}`, role: 'member' };
  });
}

export async function countIdleCommands(
  askRedis: (command: string) => Promise<string>,
  seconds: number,
): Promise<IdleCommands> {
  const before = await readCallsByCommand(askRedis);
  const startedAt = performance.now();
  await pause(seconds * 1_000);
  const after = await readCallsByCommand(askRedis);
  const calls = Object.entries(after)
    .map(([command, times]) => {
      const own = command === ASKED ? 1 : 0;
      return [command, times - (before[command] ?? 0) - own] as const;
    })
    .filter(([, times]) => times > 0)
    .sort(([, one], [, other]) => other - one);
  return { seconds: (performance.now() - startedAt) / 1_000, calls: Object.fromEntries(calls) };
}
