import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchBrowser, visit } from '../browser/visitor.ts';
import { eventually } from '../support/eventually.ts';
import { MODES } from '../support/system.ts';
import { LIBRARIES, type Library, type SeedClient } from './libraries.ts';
import { seedStage } from './stage.ts';

const heard = (client: SeedClient) => client.all<unknown>('textmsg');

describe.each(MODES)('S4, nicknames, %s', (mode) => {
  const stage = seedStage(mode);
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser?.close();
  });

  /** Connections that say nothing of themselves, on workers in a row. */
  async function people(library: Library, count: number): Promise<SeedClient[]> {
    const clients: SeedClient[] = [];
    for (let index = 0; index < count; index += 1) clients.push(await stage.visit(library, index));
    return clients;
  }

  describe.each(LIBRARIES)('$name', (library) => {
    it('row 34: textmsg with a string is echoed, and then goes to all', async () => {
      const [ann, bob, carl] = (await people(library, 3)) as [SeedClient, SeedClient, SeedClient];
      ann.send('textmsg', 'hello');
      await eventually(() => {
        expect(heard(ann)).toEqual(['hello', 'hello']);
        for (const client of [bob, carl]) expect(heard(client)).toEqual(['hello']);
      });
      expect(await bob.ask('textmsg', 'again')).toMatchObject({ ok: true });
      await eventually(() => {
        expect(heard(bob)).toEqual(['hello', 'again', 'again']);
        for (const client of [ann, carl]) expect(heard(client).at(-1)).toBe('again');
      });
    });

    it('row 35: textmsg {name, avatar, content} is a group message to everybody', async () => {
      const everybody = (await people(library, 3)) as [SeedClient, SeedClient, SeedClient];
      const message = { name: '东东', avatar: '1.jpg', content: '大家好' };
      everybody[0].send('textmsg', message);
      for (const client of everybody) await eventually(() => expect(heard(client)).toEqual([message]));
    });

    it('row 36: textmsg with to goes to the one of that nickname, and to nobody else', async () => {
      const [ann, bob, carl] = (await people(library, 3)) as [SeedClient, SeedClient, SeedClient];
      const names = [stage.fresh('Ann'), stage.fresh('Bob'), stage.fresh('Carl')];
      for (const [index, client] of [ann, bob, carl].entries()) {
        await client.do('textmsg', { name: names[index], avatar: `${index}.jpg`, content: 'here' });
      }
      for (const client of [ann, bob, carl]) await eventually(() => expect(heard(client)).toHaveLength(3));
      const secret = { name: names[0], avatar: '0.jpg', content: 'psst', to: names[1] };
      expect(await ann.do('textmsg', secret)).toMatchObject({ live: 1 });
      await eventually(() => expect(heard(bob).at(-1)).toEqual(secret));
      await carl.do('textmsg', { name: names[2], content: 'fence' });
      for (const client of [ann, bob, carl]) {
        await eventually(() => expect(heard(client).at(-1)).toMatchObject({ content: 'fence' }));
        expect(heard(client)).toHaveLength(client === bob ? 5 : 4);
      }
    });

    it('row 37: online {users, clients} goes to everybody when somebody comes or goes, on whatever worker', async () => {
      const counts = (client: SeedClient) => client.all<{ users: number; clients: number }>('online');
      const user = stage.fresh('Ann');
      const ann = await stage.login(library, 0, user);
      await eventually(() => expect(counts(ann).at(-1)).toEqual({ users: 1, clients: 1 }));
      const tab = await stage.login(library, 1, user);
      await eventually(() => expect(counts(ann).at(-1)).toEqual({ users: 1, clients: 2 }));
      const bob = await stage.login(library, 1, stage.fresh('Bob'));
      for (const client of [ann, tab, bob]) {
        await eventually(() => expect(counts(client).at(-1)).toEqual({ users: 2, clients: 3 }));
      }
      bob.close();
      tab.close();
      await eventually(() => expect(counts(ann).at(-1)).toEqual({ users: 1, clients: 1 }));
    });

    it('defect (i): a nickname that several have is refused, one that nobody has is said to be, an avatar is no script', async () => {
      const [ann, one, two] = (await people(library, 3)) as [SeedClient, SeedClient, SeedClient];
      const kim = stage.fresh('Kim');
      for (const client of [one, two]) await client.do('textmsg', { name: kim, content: 'here' });
      const say = { name: stage.fresh('Ann'), content: 'psst' };
      expect(await ann.ask('textmsg', { ...say, to: kim })).toMatchObject({
        ok: false,
        error: { code: 'bad_request', message: expect.stringMatching(/^to:/), temporary: false },
      });
      expect(await ann.ask('textmsg', { ...say, to: stage.fresh('Nobody') })).toMatchObject({
        ok: false,
        error: { code: 'not_found', message: expect.stringMatching(/^to:/), temporary: false },
      });
      for (const avatar of ['javascript:alert(1)', 'http://example.org/1.jpg', '"><script>']) {
        expect(await ann.ask('textmsg', { ...say, avatar })).toMatchObject({
          ok: false,
          error: { code: 'bad_request', message: expect.stringMatching(/^avatar:/) },
        });
      }
      // By the user's id the same two are told apart.
      await ann.do('private', { to: two.hello.user.id, text: 'psst' });
      await eventually(() => expect(two.all('private')).toHaveLength(1));
      expect(one.all('private')).toEqual([]);
    });
  });

  it('row 38: /chart.html?name=东东&avatar=1.jpg is the way in with nickname and avatar', async () => {
    const [, library] = LIBRARIES as [Library, Library];
    const watcher = await stage.visit(library, 1, { query: { username: 'Watcher' } });
    await watcher.do('join');
    const dong = await visit(browser, `${stage.at(0)}/chart.html?name=东东&avatar=1.jpg`);
    try {
      await dong.connected();
      const field = dong.page.getByLabel('Message', { exact: true });
      await field.fill(' \n ');
      await field.press('Enter');
      expect(await dong.page.getByRole('button', { name: 'Send' }).isDisabled()).toBe(true);
      await dong.say('你好');
      await dong.page.locator('.said-by', { hasText: '东东' }).waitFor();
      await eventually(() =>
        expect(watcher.all<{ event: string }>('message')).toContainEqual(
          expect.objectContaining({
            event: 'broadcast_say',
            data: expect.objectContaining({ username: '东东', avatar: '1.jpg', text: '你好' }),
          }),
        ),
      );
      expect(await dong.texts()).toEqual(['你好']);
      expect(dong.problems).toEqual([]);
    } finally {
      await dong.leave();
    }
  });

  it('defect (i): a name and a text that look like HTML are shown as the text they are', async () => {
    const name = '<img src=x onerror=alert(1)>';
    const address = `/chart.html?name=${encodeURIComponent(name)}&avatar=${encodeURIComponent('javascript:alert(1)')}`;
    const mallory = await visit(browser, stage.at(0) + address);
    try {
      await mallory.connected();
      await mallory.say('<script>alert(2)</script>');
      await mallory.page.locator('.said-by', { hasText: name }).last().waitFor();
      expect((await mallory.texts()).at(-1)).toBe('<script>alert(2)</script>');
      expect(await mallory.page.locator('.list img, .list script').count()).toBe(0);
      expect(mallory.problems).toEqual([]);
    } finally {
      await mallory.leave();
    }
  });
});
