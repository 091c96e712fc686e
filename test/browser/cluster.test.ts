import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type System, startSystem } from '../support/system.ts';
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
