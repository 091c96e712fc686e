import { constants, setPriority } from 'node:os';
import { ATTACKERS, CONTROLS } from './attackers.ts';

/*
 * The process of the attackers, so that their work delays no honest client. In truth it would be done on another machine: here
 * it gets what the others leave of this one.
 */

/** Begin this attack, or end the one under way. */
export type Order = { readonly name: string; readonly url: string } | 'end';

/** The number of what was sent in the attack that has ended, or the reason why it failed. */
export type Report = { readonly sent: number; readonly error?: string };

setPriority(constants.priority.PRIORITY_LOW);
let over = new AbortController();

process.on('message', (order: Order) => {
  if (order === 'end') return over.abort();
  over = new AbortController();
  const attacker = [...CONTROLS, ...ATTACKERS].find(({ name }) => name === order.name);
  let sent = 0;
  const count = (more: number) => {
    sent += more;
  };
  const report = (error?: Error) =>
    process.send?.({ sent, ...(error && { error: error.stack ?? error.message }) } satisfies Report);
  if (attacker) attacker.attack(order.url, over.signal, count).then(() => report(), report);
});
process.once('disconnect', () => process.exit());
