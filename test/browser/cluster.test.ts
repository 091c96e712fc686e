import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { enter } from '../support/member.ts';
import { type System, startSystem } from '../support/system.ts';
import { accessibilityProblems } from './accessibility.ts';
import { launchBrowser, visit } from './visitor.ts';

const LIMIT = { timeout: 20_000 };

describe('two people in one room', () => {
  let system: System;
  let browser: Awaited<ReturnType<typeof launchBrowser>>;
  beforeAll(async () => {
    system = await startSystem('cluster');
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await system?.stop();
  });

  it('on workers of different hosts talk, over Redis', async () => {
    const [here, there] = system.hosts.map((host) => `${host.workerUrls[1]}/?roomid=hosts`) as [
      string,
      string,
    ];
    const [ann, ben] = [await visit(browser, here), await visit(browser, there)];
    await ann.enter('Ann');
    await ben.enter('Ben');
    await ann.page.getByText('Ben joined').waitFor();
    await ann.say('Hello over there');
    await ben.page.locator('.theirs').getByText('Hello over there', { exact: true }).waitFor();
    await ben.say('Hello over here');
    for (const { texts } of [ann, ben]) {
      await expect.poll(texts, LIMIT).toEqual(['Hello over there', 'Hello over here']);
    }
    for (const visitor of [ann, ben]) await visitor.leave();
    expect([...ann.problems, ...ben.problems]).toEqual([]);
  });

  it('are found by an operator of the other host, who removes one of them', async () => {
    const [here, there] = system.hosts;
    const members = [
      await enter(there?.workerUrls[0] as string, 'far away', 'Ann'),
      await enter(there?.workerUrls[1] as string, 'far away', 'Ben'),
    ] as const;
    const visitor = await visit(browser, `${here?.adminUrl}/`);
    const { page } = visitor;
    const button = page.getByRole('button', { name: 'Rooms of all hosts' });
    await button.click();
    await page.getByLabel('API key').fill(here?.apiKey as string);
    await page.getByRole('button', { name: 'Use it' }).click();
    const rooms = page.getByRole('group', { name: 'Rooms of all hosts' });
    await rooms.getByRole('row', { name: 'far away 2 2' }).waitFor();
    expect(await accessibilityProblems(page)).toEqual([]);
    await rooms.getByRole('button', { name: 'far away' }).click();
    const room = page.getByRole('dialog', { name: 'Room far away' });
    const ben = room.getByRole('row').filter({ hasText: 'Ben' });
    await ben.getByRole('button', { name: 'Kick' }).click();
    await ben.getByRole('button', { name: 'Kick Ben?' }).click();
    await room.getByText('Ben is kicked.').waitFor();
    await eventually(() => expect(members[1].heard.map(({ event }) => event)).toContain('removed'));
    // Back through the list to the page, each time to where one was.
    await page.keyboard.press('Escape');
    await room.waitFor({ state: 'detached' });
    await rooms.waitFor();
    await page.keyboard.press('Escape');
    await rooms.waitFor({ state: 'detached' });
    await expect.poll(() => button.evaluate((element) => element === document.activeElement)).toBe(true);
    for (const member of members) member.close();
    await visitor.leave();
    expect(visitor.problems).toEqual([]);
  });

  it('are told while the store is away, and of nothing any more once it is back', async () => {
    const ann = await visit(browser, `${system.workerUrls[0]}/?roomid=away`);
    await ann.enter('Ann');
    const banner = ann.page.getByText('The server cannot store messages right now.');
    system.redis?.freeze();
    await banner.waitFor();
    system.redis?.thaw();
    await banner.waitFor({ state: 'detached' });
    await ann.connected();
    await ann.leave();
    expect(ann.problems).toEqual([]);
  });
});
