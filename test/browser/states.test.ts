import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, expect, it } from 'vitest';
import { textsOf } from '../support/member.ts';
import { eventually, pageFixture } from './page-fixture.ts';
import type { Visitor } from './visitor.ts';

/* The page where something keeps the reader out or away, and at twice the size or in the reader's own colours. */

/** Shows an address in a frame; of two origins, as it has two names. */
const site = createServer((request, response) => {
  const address = new URL(request.url ?? '/', 'http://localhost').searchParams.get('of') ?? '';
  response
    .setHeader('content-type', 'text/html')
    .end(`<iframe src="${address.replaceAll('"', '')}"></iframe>`);
});
site.listen(0, '127.0.0.1');
await once(site, 'listening');
afterAll(() => void site.close());
const { port } = site.address() as AddressInfo;
const [SITE, OTHER_SITE] = [`http://localhost:${port}`, `http://127.0.0.1:${port}`] as const;

const { host, newRoom, arrive, inRoom, member } = pageFixture({
  workers: 1,
  env: { MAX_ROOM_CLIENTS: '2', EMBED_ORIGINS: SITE },
});

async function asBackEnd(method: string, path: string, body?: object): Promise<void> {
  const headers = { 'content-type': 'application/json', 'x-api-key': host().apiKey };
  const url = `${host().url}/api/v1/${path}`;
  const answer = await fetch(url, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  expect(answer.status).toBe(200);
}

const headingOf = ({ page }: Visitor, name: string) => page.getByRole('heading', { name });
const buttonOf = ({ page }: Visitor, name: string) => page.getByRole('button', { name, exact: true });

async function openProfile(visitor: Visitor, name: string): Promise<void> {
  await buttonOf(visitor, 'Members').click();
  await visitor.page.locator('.members').getByText(name).click();
}

it('says that a room is full, and enters once somebody has left', async () => {
  const room = newRoom();
  await member('Ann', room);
  const ben = await member('Ben', room);
  const cy = await arrive(`/?roomid=${encodeURIComponent(room)}`);
  await cy.page.getByLabel('Nickname').fill('Cy');
  await buttonOf(cy, 'Enter the room').click();
  await headingOf(cy, 'The room is full').waitFor();
  await cy.page.getByText('Somebody has to leave before you can come in.').waitFor();
  await ben.do('leave', { roomid: room });
  await buttonOf(cy, 'Try again').click();
  await cy.connected();
});

it('says until when somebody is banned, and lets them in after the end of the ban', async () => {
  const room = newRoom();
  const ann = await inRoom('Ann', room);
  await buttonOf(ann, 'Members').click();
  await ann.page.locator('.members').getByText('Ann').click();
  const userId = (await ann.page.locator('.profile code').textContent()) ?? '';
  const place = `rooms/${encodeURIComponent(room)}/ban`;
  await asBackEnd('POST', place, { userId, seconds: 3_600 });
  await headingOf(ann, 'You are banned').waitFor();
  await ann.page.getByText(/^You are banned from this room until .*\d.*\.$/).waitFor();
  await asBackEnd('DELETE', `${place}/${encodeURIComponent(userId)}`);
  await buttonOf(ann, 'Enter again').click();
  await ann.connected();
});

it('asks for another name where one is reserved', async () => {
  const ann = await arrive('/?roomid=door', { viewport: { width: 320, height: 568 } });
  expect(await ann.page.evaluate(() => document.documentElement.scrollWidth)).toBe(320);
  const name = ann.page.getByLabel('Nickname');
  await name.fill('Roomcast');
  await buttonOf(ann, 'Enter the room').click();
  await ann.page.getByRole('alert').getByText('This name is reserved.').waitFor();
  await name.fill('Ann');
  await buttonOf(ann, 'Enter the room').click();
  await ann.connected();
});

it('refuses private messages of people who are blocked, until they are not', async () => {
  const room = newRoom();
  const [ann, ben] = [await inRoom('Ann', room), await inRoom('Ben', room)];
  await openProfile(ann, 'Ben');
  await buttonOf(ann, 'Block').click();
  await ann.page.locator('.panel').getByText('You have blocked this person').waitFor();
  await openProfile(ben, 'Ann');
  await buttonOf(ben, 'Write privately').click();
  await ben.say('are you there?');
  await ben.page.getByText('Not sent: somebody it is for takes no messages from you.').waitFor();
  await buttonOf(ann, 'Unblock').click();
  await buttonOf(ann, 'Block').waitFor();
  await buttonOf(ben, 'Retry').click();
  await ann.page.locator('.toast').getByText('are you there?', { exact: true }).waitFor();
});

it('notifies a reader who looks elsewhere, as they chose, and leads them back', async () => {
  const room = newRoom();
  const ann = await inRoom('Ann', room, { permissions: ['notifications'] });
  const ben = await member('Ben', room);
  await ann.page.evaluate(() => {
    const kept: Notification[] = [];
    class Kept extends Notification {
      constructor(title: string, options?: NotificationOptions) {
        super(title, options);
        kept.push(this);
      }
    }
    Object.assign(window, { Notification: Kept, kept });
  });
  const shown = () => ann.page.evaluate('kept.map(({ title, body }) => [title, body])');
  const look = (hidden: boolean) =>
    ann.page.evaluate((now) => {
      Object.defineProperty(document, 'hidden', { value: now, configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    }, hidden);
  await buttonOf(ann, 'Settings').click();
  await ann.page.getByText('All messages', { exact: true }).click();
  await buttonOf(ann, 'Close').click();
  await ben.do('say', { roomid: room, text: 'seen' });
  await ann.page.locator('.bubble').getByText('seen', { exact: true }).waitFor();
  await look(true);
  await ben.do('say', { roomid: room, text: 'not seen' });
  await eventually(shown).toEqual([[`Ben · ${room}`, 'not seen']]);
  await look(false);
  await ann.page.locator('.sidebar-link', { hasText: 'Inbox' }).click();
  await headingOf(ann, room).waitFor({ state: 'detached' });
  await ann.page.evaluate('kept[0].onclick()');
  await headingOf(ann, room).waitFor();
});

it('talks by polling where no WebSocket gets through', async () => {
  const room = newRoom();
  const ann = await arrive('/');
  await ann.page.addInitScript(
    'window.WebSocket = class { constructor() { setTimeout(() => this.onerror({})); } close() {} };',
  );
  await ann.page.reload();
  await ann.enter('Ann', room);
  const ben = await member('Ben', room);
  await ben.do('say', { roomid: room, text: 'Grüße 🍵' });
  await eventually(ann.texts).toEqual(['Grüße 🍵']);
  await ann.say('Danke');
  await eventually(async () => textsOf(ben.said)).toEqual(['Grüße 🍵', 'Danke']);
});

it('is whole at a zoom of 200 %: nothing to scroll sideways, and the field in sight', async () => {
  const ann = await inRoom('Ann', newRoom(), { viewport: { width: 640, height: 400 }, deviceScaleFactor: 2 });
  await ann.say('x'.repeat(300));
  await ann.page.locator('.bubble').getByText('xxx').waitFor();
  const wide = await ann.page.evaluate(
    () => document.documentElement.scrollWidth > document.documentElement.clientWidth,
  );
  expect(wide).toBe(false);
  const field = await ann.page.getByLabel('Message', { exact: true }).boundingBox();
  expect((field?.y ?? 999) + (field?.height ?? 0)).toBeLessThanOrEqual(400);
  await ann.picture('zoom');
});

it('shows where the focus is in forced colours', async () => {
  const ann = await inRoom('Ann', newRoom(), { forcedColors: 'active' });
  await ann.say('hello');
  await ann.page.locator('.bubble').getByText('hello').waitFor();
  await ann.picture('forced-colours');
  const seen = new Set<string>();
  for (let step = 0; step < 30 && !seen.has('again'); step++) {
    await ann.page.keyboard.press('Tab');
    const [name, mark] = await ann.page.evaluate(() => {
      const { activeElement: element } = document;
      if (!element || element === document.body) return ['body', 'any'];
      const { outlineStyle, outlineWidth } = getComputedStyle(element);
      const name = element.getAttribute('aria-label') ?? element.textContent ?? element.tagName;
      return [name, outlineStyle === 'none' || outlineWidth === '0px' ? 'none' : 'outline'] as const;
    });
    expect([name, mark]).not.toEqual([name, 'none']);
    if (seen.has(name ?? '')) break;
    seen.add(name ?? '');
  }
  expect(seen.size).toBeGreaterThan(5);
});

it('is shown in a frame by the sites that the operator names, and by no other', async () => {
  const ann = await arrive('/');
  const framed = async (origin: string) => {
    const page = await ann.page.context().newPage();
    await page.goto(`${origin}/?of=${encodeURIComponent(`${host().url}/?roomid=frame&embed=1`)}`);
    return page;
  };
  const allowed = await framed(SITE);
  await allowed.frameLocator('iframe').getByLabel('Nickname').waitFor();
  const other = await framed(OTHER_SITE);
  const inner = () => other.frames().find((frame) => frame !== other.mainFrame());
  await eventually(async () => inner()?.url()).toBe('chrome-error://chromewebdata/');
});
