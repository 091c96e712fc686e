/**
 * Makes the picture of the operator's page, part of `npm run screenshot`: two workers in whose rooms people talk for two
 * minutes, and one of which is killed and replaced meanwhile.
 */
import { statSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startHost } from '../support/cluster.ts';
import { enter } from '../support/member.ts';
import { launchBrowser, visit } from './visitor.ts';

const PICTURE = fileURLToPath(new URL('../../deploy/operator.png', import.meta.url));
const ROOMS = ['tea', 'tea', 'tea', 'coffee', 'coffee', 'cake'];
const PEOPLE = 24;
const TALK_MS = 120_000;
const SAYS_EVERY_MS = 200;

const host = await startHost({ workers: 2, env: { RATE_SAY: '0' } });
const browser = await launchBrowser();
try {
  const people = [];
  for (let n = 0; n < PEOPLE; n += 1) {
    const room = ROOMS[n % ROOMS.length] as string;
    const back = { reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 200 };
    people.push(await enter(host.workerUrls[n % 2] as string, room, `Person ${n}`, back));
  }
  const { page } = await visit(browser, `${host.adminUrl}/`, { viewport: { width: 1180, height: 620 } });
  const startedAt = performance.now();
  let killed = false;
  for (let turn = 0; performance.now() - startedAt < TALK_MS; turn += 1) {
    const loud = 1 + Math.round(4 + 4 * Math.sin(turn / 40));
    for (let n = 0; n < loud; n += 1) {
      const person = people[(turn * 7 + n * 5) % PEOPLE];
      // A worker that is killed answers nothing.
      if (person?.socket.connected) person.socket.emit('say', { text: 'A message' });
    }
    if (!killed && performance.now() - startedAt > TALK_MS / 2) {
      killed = true;
      process.kill((await host.status()).workers[1]?.pid ?? 0, 'SIGKILL');
    }
    await pause(SAYS_EVERY_MS);
  }
  await page.getByText('all workers serve').waitFor({ timeout: TALK_MS });
  await page.screenshot({ path: PICTURE });
  for (const person of people) person.close();
} finally {
  await browser.close();
  await host.stop();
  await host.remove();
}
process.stdout.write(`${PICTURE}: ${Math.ceil(statSync(PICTURE).size / 1024)} KB\n`);
