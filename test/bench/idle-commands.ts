/**
 *   npm run idle-commands -- [--users N] [--rooms R] [--workers W] [--seconds S] [--settle S] [--json]
 *
 * Prints how many commands per second a Redis runs, by command, while N users in R rooms on W workers do nothing.
 */
import { readScriptOptions } from '../support/script-options.ts';
import { measureIdleCommands } from './measure/idle-commands.ts';
import { ROOMCAST } from './systems/roomcast.ts';

const { values } = readScriptOptions(import.meta.url, {
  options: {
    users: { type: 'string', default: '2000' },
    rooms: { type: 'string', default: '200' },
    workers: { type: 'string', default: '2' },
    seconds: { type: 'string', default: '30' },
    settle: { type: 'string', default: '12' },
    json: { type: 'boolean', default: false },
  },
});

const load = {
  users: numberOf('users'),
  rooms: numberOf('rooms'),
  workers: numberOf('workers'),
  seconds: numberOf('seconds'),
  settleSeconds: numberOf('settle'),
};
const { seconds, calls } = await measureIdleCommands(ROOMCAST, load);
const perSecond = Object.entries(calls).map(([command, times]) => [command, times / seconds] as const);
const all = perSecond.reduce((sum, [, rate]) => sum + rate, 0);
if (values.json) {
  console.log(JSON.stringify({ ...load, seconds, perSecond: Object.fromEntries(perSecond), all }));
} else {
  console.log(`${load.users} idle users in ${load.rooms} rooms on ${load.workers} workers, commands/s:`);
  for (const [command, rate] of [...perSecond, ['all', all] as const])
    console.log(`${rate.toFixed(2).padStart(10)}  ${command}`);
}
process.exit(0);

function numberOf(name: 'users' | 'rooms' | 'workers' | 'seconds' | 'settle'): number {
  const number = Number(values[name]);
  if (Number.isInteger(number) && number > 0) return number;
  throw new Error(`--${name} must be a whole number above 0`);
}
