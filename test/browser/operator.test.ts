import type { Browser, BrowserContextOptions } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Host, startHost } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { enter } from '../support/member.ts';
import { accessibilityProblems } from './accessibility.ts';
import { launchBrowser, type Visitor, visit } from './visitor.ts';

const PHONE: BrowserContextOptions = {
  viewport: { width: 360, height: 640 },
  colorScheme: 'dark',
  hasTouch: true,
  isMobile: true,
};

let browser: Browser;
let host: Host;

beforeAll(async () => {
  host = await startHost({ workers: 2, env: { RATE_SAY: '0' } });
  browser = await launchBrowser();
});
afterAll(async () => {
  await browser?.close();
  await host?.stop();
  await host?.remove();
});

const look = (options?: BrowserContextOptions) => visit(browser, `${host.adminUrl}/`, options);

async function openRoom({ page }: Visitor, roomid: string): Promise<void> {
  await page.getByLabel('Another room').fill(roomid);
  await page.getByRole('button', { name: 'Open' }).click();
  await page.getByRole('dialog', { name: `Room ${roomid}` }).waitFor();
}

async function give({ page }: Visitor, key: string): Promise<void> {
  await page.getByLabel('API key').fill(key);
  await page.getByRole('button', { name: 'Use it' }).click();
}

describe('the operator’s page', () => {
  it('shows a worker that is killed and the rooms, without a fault of accessibility in light', async () => {
    const member = await enter(host.workerUrls[0] as string, 'tea', 'Ann');
    const visitor = await look();
    const { page, problems } = visitor;
    const workers = page.getByRole('group', { name: 'Workers' });
    await workers.getByRole('cell', { name: 'ready' }).nth(1).waitFor();
    await page.getByRole('group', { name: 'Largest rooms' }).getByText('tea').waitFor();
    process.kill((await host.status()).workers[1]?.pid ?? 0, 'SIGKILL');
    await page.getByText('worker ended unasked (signal SIGKILL) and is replaced').waitFor();
    await page.getByText('all workers serve').waitFor();
    // The charts have their numbers in words too, once there are two readings.
    await page.getByRole('figure', { name: 'Clients' }).getByText('min 1, max 1').waitFor();
    expect(await accessibilityProblems(page)).toEqual([]);
    expect(problems).toEqual([]);
    member.close();
    await visitor.leave();
  });

  it('fits a phone in the dark, and a room opens, is moderated and closes by keyboard', async () => {
    const members = [
      await enter(host.workerUrls[0] as string, 'coffee', 'Ann'),
      await enter(host.workerUrls[1] as string, 'coffee', 'Ben'),
    ] as const;
    const [ann, ben] = members;
    await ann.do('say', { text: 'To be deleted' });
    const visitor = await look(PHONE);
    const { page, problems } = visitor;
    const width = () => page.evaluate(() => document.documentElement.scrollWidth);
    expect(await width()).toBe(360);
    expect(await accessibilityProblems(page)).toEqual([]);

    await openRoom(visitor, 'coffee');
    expect(await page.getByText('To be deleted').count()).toBe(0);
    await give(visitor, 'not the key');
    await page.getByText('Refused: the API key is not valid').waitFor();
    await expect.poll(() => page.getByText('Ben').count()).toBe(0);
    await give(visitor, host.apiKey);
    await page.getByText('To be deleted', { exact: true }).waitFor();
    expect(await accessibilityProblems(page)).toEqual([]);
    expect(await width()).toBe(360);

    const row = page.getByRole('row').filter({ hasText: 'Ben' });
    await row.getByRole('button', { name: 'Kick' }).focus();
    await page.keyboard.press('Enter');
    await expect.poll(() => row.getByRole('button', { name: 'Kick Ben?' }).count()).toBe(1);
    await page.keyboard.press('Enter');
    await page.getByText('Ben is kicked.').waitFor();
    await eventually(() => expect(ben.heard.map(({ event }) => event)).toContain('removed'));
    const lifted = page.getByLabel('Muted or banned user id');
    await lifted.fill('nobody');
    await page.getByRole('button', { name: 'Unban' }).click();
    await page.getByText(/^Refused: .*there is no ban/).waitFor();
    const kick = page.getByRole('button', { name: 'Kick' });
    const annRow = page.getByRole('row').filter({ hasText: 'Ann', has: kick });
    const annId = (await annRow.getByRole('cell').nth(1).textContent()) ?? '';
    await annRow.getByRole('button', { name: 'Mute 10 min' }).click();
    await annRow.getByRole('button', { name: 'Mute Ann?' }).click();
    await page.getByText('Ann is muted for 10 minutes.').waitFor();
    await lifted.fill(annId);
    await page.getByRole('button', { name: 'Unmute' }).click();
    await page.getByText(`${annId} is not muted any more.`).waitFor();
    await ann.do('say', { text: 'Heard again' });
    await page.getByRole('button', { name: 'Delete' }).last().focus();
    await page.keyboard.press('Enter');
    await page.keyboard.press('Enter');
    await page.getByText('Message 1 is deleted.').waitFor();
    await page.getByText('deleted message').waitFor();
    await expect.poll(() => page.getByText('To be deleted').count()).toBe(0);

    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await expect.poll(() => page.evaluate(() => document.activeElement?.textContent)).toBe('Open');
    // The key is in no address and no storage.
    expect(
      await page.evaluate(() => [location.href, JSON.stringify({ ...localStorage, ...sessionStorage })]),
    ).toEqual([`${host.adminUrl}/`, '{}']);
    expect(host.output().stderr).not.toContain(host.apiKey);
    // The browser itself notes what is refused.
    expect(problems.filter((line) => !/40[14]/.test(line))).toEqual([]);
    for (const member of members) member.close();
    await visitor.leave();
  });
});
