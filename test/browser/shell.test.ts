import { SignJWT } from 'jose';
import { expect, it } from 'vitest';
import { accessibilityProblems } from './accessibility.ts';
import { type Arrival, eventually, PHONE, pageFixture } from './page-fixture.ts';
import type { Visitor } from './visitor.ts';

/* The page around a room, on a server that asks for tokens: rooms, people, inbox, rights and sign-in. */

const SECRET = 'a-secret-that-is-long-enough-for-HS256';
const { host, arrive } = pageFixture({ workers: 2, env: { AUTH_SECRET: SECRET } });

function tokenOf(sub: string, name: string, more: object = {}, lasts = '1h'): Promise<string> {
  const claims = new SignJWT({ name, ...more }).setSubject(sub).setExpirationTime(lasts);
  return claims.setProtectedHeader({ alg: 'HS256' }).sign(new TextEncoder().encode(SECRET));
}

async function inRoom(name: string, roomid: string, options: Arrival & { claims?: object } = {}) {
  const { claims, ...context } = options;
  const token = await tokenOf(name.toLowerCase(), name, claims);
  const visitor = await arrive(`/r/${encodeURIComponent(roomid)}#token=${token}`, context);
  await visitor.connected();
  return visitor;
}

function asBackEnd(path: string, body: object): Promise<Response> {
  const headers = { 'content-type': 'application/json', 'x-api-key': host().apiKey };
  return fetch(`${host().url}/api/v1${path}`, { method: 'POST', headers, body: JSON.stringify(body) });
}

const linkOf = ({ page }: Visitor, name: string) => page.locator('.sidebar-link', { hasText: name });
const pathOf = ({ page }: Visitor) => decodeURIComponent(page.url().slice(host().url.length));
async function clean({ page }: Visitor): Promise<void> {
  const problems = await accessibilityProblems(page);
  expect(problems.filter((line) => /^(serious|critical) /.test(line))).toEqual([]);
}

it('asks for a token where the server does, takes one by hand, and leaves none in the address', async () => {
  const ann = await arrive('/?roomid=door');
  await clean(ann);
  await ann.page.getByLabel('Nickname').fill('Ann');
  await ann.page.getByRole('button', { name: 'Enter' }).click();
  const field = ann.page.getByLabel('Token');
  await field.fill('nonsense');
  await ann.page.getByRole('button', { name: 'Sign in' }).click();
  await ann.page.getByText('This is no sign-in token.').waitFor();
  await clean(ann);
  await field.fill(await tokenOf('ann', 'Ann'));
  await ann.page.getByRole('button', { name: 'Sign in' }).click();
  await ann.connected();
  const ben = await inRoom('Ben', 'door');
  expect(pathOf(ben)).toBe('/r/door');
  await ben.page.reload();
  await ben.connected();
});

it('asks for a new token before the old one ends, and stays where it is', async () => {
  const [old, next] = [await tokenOf('ann', 'Ann', {}, '1m'), await tokenOf('ann', 'Ann')];
  const ann = await arrive(`/r/night#token=${old}`);
  await ann.connected();
  const form = ann.page.locator('.sign-in-again');
  await form.getByText('Your sign-in ends soon.').waitFor();
  await clean(ann);
  await form.getByLabel('Token').fill(next);
  await form.getByRole('button', { name: 'Sign in' }).click();
  await form.waitFor({ state: 'detached' });
  await ann.say('still here');
  await eventually(ann.texts).toEqual(['still here']);
  // The reload must not ask again.
  await ann.page.reload();
  await ann.connected();
  await eventually(ann.texts).toEqual(['still here']);
  expect(await form.count()).toBe(0);
});

it('is in several rooms at once, counts what is unread in the others, and enters all again after a reload', async () => {
  const [ann, ben] = [await inRoom('Ann', 'tea'), await inRoom('Ben', 'tea')];
  await ann.page.keyboard.press('Control+k');
  await clean(ann);
  await ann.page.getByRole('combobox').fill('coffee');
  await ann.page.keyboard.press('Enter');
  await ann.page.getByRole('heading', { name: 'coffee' }).waitFor();
  await ann.connected();
  expect(pathOf(ann)).toBe('/r/coffee');
  await ben.say('one');
  await ben.say('two');
  await eventually(() => linkOf(ann, 'tea').locator('.badge').allTextContents()).toEqual(['2']);
  await eventually(() => ann.page.title()).toBe('(2) coffee · Roomcast');
  await ann.picture('rooms');
  await ann.page.reload();
  await ann.connected();
  await linkOf(ann, 'tea').waitFor();
  expect(pathOf(ann)).toBe('/r/coffee');
  await linkOf(ann, 'tea').click();
  await eventually(ann.texts).toEqual(['one', 'two']);
  await eventually(() => linkOf(ann, 'tea').locator('.badge').count()).toBe(0);
  await ann.page.goBack();
  await ann.page.getByRole('heading', { name: 'coffee' }).waitFor();
});

it('lists the rooms of the same person on another device, and enters them by a click', async () => {
  await inRoom('Ann', 'attic');
  const ann = await inRoom('Ann', 'cellar');
  await clean(ann);
  await linkOf(ann, 'attic').click();
  await ann.page.getByRole('heading', { name: 'attic' }).waitFor();
  await ann.connected();
  // The other device stays in the room that this one leaves.
  await ann.leaveRoom();
  await ann.page.getByRole('heading', { name: 'cellar' }).waitFor();
  await linkOf(ann, 'attic, not open here').waitFor();
});

it('carries private messages, which the other finds in the list of people, also after a time away', async () => {
  const [ann, ben] = [await inRoom('Ann', 'yard'), await inRoom('Ben', 'yard')];
  await ann.page.getByRole('button', { name: 'Members' }).click();
  await ann.page.locator('.members').getByText('Ben').click();
  await clean(ann);
  await ann.page.getByRole('button', { name: 'Write privately' }).click();
  await ann.say('psst <b>Ben</b>');
  await ben.page.locator('.toast').getByText('psst <b>Ben</b>', { exact: true }).waitFor();
  await linkOf(ben, 'Ann').locator('.badge').waitFor();
  await linkOf(ben, 'Ann').click();
  await ben.page.locator('.thread').getByText('psst <b>Ben</b>', { exact: true }).waitFor();
  await eventually(() => linkOf(ben, 'Ann').locator('.badge').count()).toBe(0);
  await ben.say('heard');
  await ann.page.locator('.thread').getByText('heard', { exact: true }).waitFor();
  await clean(ann);
  await ann.page.reload();
  await ann.page.locator('.thread').getByText('psst <b>Ben</b>', { exact: true }).waitFor();
  await ann.page.locator('.thread').getByText('heard', { exact: true }).waitFor();
});

it('shows announcements and pushes at once and in the inbox, until they are read', async () => {
  const ann = await inRoom('Ann', 'hall');
  await asBackEnd('/push', { users: ['ann'], data: { text: 'Your parcel is here' } });
  await ann.page.locator('.toast').getByText('Your parcel is here').waitFor();
  await asBackEnd('/announce', { data: '<i>Cake</i> at four' });
  await ann.page.locator('.toast').getByText('<i>Cake</i> at four').waitFor();
  await linkOf(ann, 'Inbox').click();
  const unread = ann.page.locator('.inbox-entry.unread');
  await unread.getByText('Your parcel is here').waitFor();
  await clean(ann);
  await ann.picture('inbox');
  await ann.page.getByRole('button', { name: 'Mark all as read' }).click();
  await eventually(() => unread.count()).toBe(0);
  await ann.page.reload();
  await ann.page.locator('.inbox-entry').getByText('Your parcel is here').waitFor();
  await eventually(() => unread.count()).toBe(0);
});

it('lets a moderator remove somebody, who sees why, and comes back by one action', async () => {
  const claims = { rooms: [{ room: 'court', can: ['read', 'say', 'react', 'moderate'] }] };
  const [judge, ben] = [await inRoom('Judge', 'court', { claims }), await inRoom('Ben', 'court')];
  await ben.page.getByRole('button', { name: 'Members' }).click();
  await ben.page.locator('.members').getByText('Judge').click();
  expect(await ben.page.getByRole('button', { name: 'Remove from the room' }).count()).toBe(0);
  await judge.page.getByRole('button', { name: 'Members' }).click();
  await judge.page.locator('.members').getByText('Ben').click();
  await judge.page.getByRole('button', { name: 'Remove from the room' }).click();
  const head = ben.page.getByRole('heading', { name: 'You were removed' });
  await head.waitFor();
  await eventually(() => head.evaluate((element) => element === document.activeElement)).toBe(true);
  await clean(ben);
  await ben.page.getByRole('button', { name: 'Enter again' }).click();
  await ben.connected();
  await judge.page.locator('.toast').getByText('Done.').waitFor();
});

it('speaks Chinese to a reader who does, or who chooses it, and keeps that and the theme', async () => {
  const ann = await inRoom('Ann', 'gate', { locale: 'zh-CN' });
  await ann.page.getByPlaceholder('输入消息').waitFor();
  await eventually(() => ann.page.locator('html').getAttribute('lang')).toBe('zh-CN');
  await ann.page.getByRole('button', { name: '设置' }).click();
  await ann.page.getByText('English').click();
  await ann.page.getByText('Dark', { exact: true }).click();
  await clean(ann);
  await ann.page.reload();
  await ann.page.getByPlaceholder('Write a message').waitFor();
  await eventually(() => ann.page.locator('html').getAttribute('data-theme')).toBe('dark');
  await clean(ann);
});

it('on a phone shows one pane at a time: list, room, sheet, and Back leads through them', async () => {
  const ann = await inRoom('Ann', 'lane', PHONE);
  await eventually(() => ann.page.locator('.sidebar').isVisible()).toBe(false);
  await clean(ann);
  await ann.page.getByRole('button', { name: 'Members' }).tap();
  await ann.page.locator('.members').getByText('Ann').waitFor();
  await clean(ann);
  await ann.page.goBack();
  await eventually(() => ann.page.locator('.panel').count()).toBe(0);
  await ann.page.getByRole('button', { name: 'Back' }).tap();
  await linkOf(ann, 'lane').waitFor();
  await eventually(() => ann.page.locator('.centre').isVisible()).toBe(false);
  await clean(ann);
  const boxes = await ann.page.locator('.sidebar button').all();
  for (const button of boxes) {
    const box = await button.boundingBox();
    expect(Math.min(box?.height ?? 0, box?.width ?? 0)).toBeGreaterThanOrEqual(44);
  }
  await linkOf(ann, 'lane').tap();
  await ann.connected();
  await ann.page.goBack();
  await linkOf(ann, 'lane').waitFor();
});
