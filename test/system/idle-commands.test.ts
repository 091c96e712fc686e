import { expect, it } from 'vitest';
import { countIdleCommands, usersInRooms } from '../bench/measure/idle-commands.ts';
import { onStage } from '../bench/stage.ts';
import { ROOMCAST } from '../bench/systems/roomcast.ts';

/** Longer than a poll of every user could pause. */
const WINDOW_S = 5;
/** The most commands that timers and late joins add to one window and not to another. */
const SLACK = 40;
const WINDOWS = 8;
const [FEW, MANY] = [50, 200];

it('200 idle users cost Redis no more commands of any kind than 50 do', async () => {
  await onStage(ROOMCAST, { workers: 2, drivers: 1 }, async ({ system: { ports, askRedis }, crowd }) => {
    if (!askRedis) throw new Error('no Redis');
    const clients = usersInRooms({ users: MANY, rooms: 10, ports });
    await crowd.connect(clients.slice(0, FEW));
    const few = await countIdleCommands(askRedis, WINDOW_S);
    await crowd.connect(clients.slice(FEW));
    let more: string[] = [];
    for (let n = 0; n < WINDOWS; n += 1) {
      const many = await countIdleCommands(askRedis, WINDOW_S);
      more = Object.entries(many.calls)
        .filter(([command, calls]) => calls > (few.calls[command] ?? 0) + SLACK)
        .map(([command, calls]) => `${command}: ${few.calls[command] ?? 0} with few, ${calls} with many`);
      if (more.length === 0) return;
    }
    expect(more).toEqual([]);
  });
});
