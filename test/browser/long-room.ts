import type { Browser } from 'playwright-core';
import { startHost } from '../support/cluster.ts';
import { connect, type Member } from '../support/member.ts';
import { fillRoom, sayUntilStored } from './fill-room.ts';
import { launchBrowser, visit } from './visitor.ts';

/*
 * Measures the page in a long and busy room: a reader at the end of 5,000 loaded messages types while 100 messages a second
 * arrive for 10 s. Prints the figures beside their targets, and exits with 1 if one is missed.
 */

const MESSAGES = 5_000;
const PER_SECOND = 100;
const SECONDS = 10;
/** Keys in a field with nothing around it, which tell what this machine takes for a key at the least. */
const BARE_KEYS = 60;
const KEY_MS = 80;
const ROOM = 'long';

/** Keeps long tasks, and how long after each key its frame is painted. A string, because the loader would add helpers to a function. */
const OBSERVE = `
  window.measured = { tasks: [], keys: [] };
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) measured.tasks.push(duration);
  }).observe({ type: 'longtask' });
  document.addEventListener('keydown', ({ timeStamp }) => {
    requestAnimationFrame(() => setTimeout(() => measured.keys.push(performance.now() - timeStamp)));
  }, true);
`;

interface Measured {
  readonly tasks: readonly number[];
  readonly keys: readonly number[];
}

/** Resolves when the last message is stored. */
async function talk(ben: Member): Promise<void> {
  const stored: Promise<unknown>[] = [];
  const began = performance.now();
  while (stored.length < PER_SECOND * SECONDS) {
    const due = Math.min(PER_SECOND * SECONDS, ((performance.now() - began) / 1_000) * PER_SECOND);
    while (stored.length < due) {
      stored.push(sayUntilStored(ben, ROOM, `live ${stored.length}: a message of a usual length`));
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  await Promise.all(stored);
}

async function bareKeys(browser: Browser): Promise<readonly number[]> {
  const page = await browser.newPage();
  await page.setContent('<textarea></textarea>');
  await page.evaluate(OBSERVE);
  await page.focus('textarea');
  await page.keyboard.type('x'.repeat(BARE_KEYS), { delay: KEY_MS });
  const { keys } = (await page.evaluate('measured')) as Measured;
  await page.close();
  return keys;
}

const print = (line: string) => process.stdout.write(`${line}\n`);

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

const host = await startHost({ workers: 1, env: { RATE_SAY: '0', HISTORY_SIZE: String(2 * MESSAGES) } });
const browser = await launchBrowser();
try {
  const bare = await bareKeys(browser);
  const ben = await connect(host.url, { query: { username: 'Ben' } });
  await ben.do('join', { roomid: ROOM });
  await fillRoom(ben, ROOM, MESSAGES);
  await ben.do('say', { roomid: ROOM, text: 'about the first', replyTo: 1 });
  const ann = await visit(browser, `${host.url}/`);
  await ann.enter('Ann', ROOM);
  const { page } = ann;
  // A click on what a message answers loads all of the room.
  await page.locator('.quoted').click();
  await page.getByText('number 1', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'To the newest' }).click();
  await page.getByText('about the first').waitFor();
  await page.evaluate(OBSERVE);
  await page.getByLabel('Message', { exact: true }).focus();
  const talked = talk(ben);
  let over = false;
  void talked.then(() => {
    over = true;
  });
  while (!over) await page.keyboard.type('word ', { delay: KEY_MS });
  await page.getByText(`live ${PER_SECOND * SECONDS - 1}:`).waitFor();
  const { tasks, keys } = (await page.evaluate('measured')) as Measured;
  const nodes = (await page.evaluate("document.querySelectorAll('*').length")) as number;
  const figures: [string, number, number, string][] = [
    ['heap', (await ann.heapBytes()) / 1e6, 25, 'MB'],
    ['nodes', nodes, 3_000, ''],
    ['longest task', Math.max(0, ...tasks), 100, 'ms'],
    ['all long tasks', tasks.reduce((sum, one) => sum + one, 0), 1_000, 'ms'],
    ['key to frame, p50', percentile(keys, 0.5), 50, 'ms'],
    ['key to frame, p99', percentile(keys, 0.99), 50, 'ms'],
  ];
  for (const [name, value, most, unit] of figures) {
    const verdict = value <= most ? 'ok' : 'TOO MUCH';
    print(
      `${name.padEnd(20)} ${value.toFixed(1).padStart(8)} ${unit.padEnd(2)}  at most ${most}  ${verdict}`,
    );
    if (value > most) process.exitCode = 1;
  }
  const [p50, p99] = [percentile(bare, 0.5), percentile(bare, 0.99)].map((ms) => ms.toFixed(1));
  print(`a bare field before: key to frame, p50 ${p50} ms, p99 ${p99} ms`);
  print(`long tasks: ${tasks.length}, keys: ${keys.length}`);
} finally {
  await browser.close();
  await host.stop();
  await host.remove();
}
