import { describe, expect, it } from 'vitest';
import { type Host, startHost } from '../support/cluster.ts';
import { eventually, PHONE, pageFixture } from './page-fixture.ts';
import type { Visitor } from './visitor.ts';

const { host, newRoom, arrive, inRoom, member } = pageFixture({
  workers: 2,
  env: { RATE_SAY: '0', AVATAR_ORIGINS: 'https://pictures.example' },
});

describe('two people', () => {
  it('in one room, on different workers, see each other come, talk and go', async () => {
    const room = newRoom();
    const [one, other] = host().workerUrls;
    const ann = await inRoom('Ann', room, { at: one });
    const ben = await inRoom('Ben', room, { at: other });
    await ann.page.getByText('Ben joined').waitFor();
    await ann.page.getByText('2 people here').waitFor();
    await ann.say('Hello Ben');
    await ben.page.getByText('Hello Ben', { exact: true }).waitFor();
    await ben.say('Hello Ann');
    for (const { texts } of [ann, ben]) await eventually(texts).toEqual(['Hello Ben', 'Hello Ann']);
    await eventually(() => ann.page.locator('.own .bubble').allTextContents()).toEqual(['Hello Ben']);
    await eventually(() => ben.page.locator('.own .bubble').allTextContents()).toEqual(['Hello Ann']);
    await ben.leaveRoom();
    await ben.page.getByRole('heading', { name: 'Choose a room' }).waitFor();
    await ann.page.getByText('Ben left').waitFor();
  });

  it('see that the other is writing, until the text is sent or cleared', async () => {
    const room = newRoom();
    const [one, other] = host().workerUrls;
    const ann = await inRoom('Ann', room, { at: one });
    const ben = await inRoom('Ben', room, { at: other });
    const fieldOf = ({ page }: Visitor) => page.getByLabel('Message', { exact: true });
    await fieldOf(ann).pressSequentially('Hel');
    await ben.page.getByText('Ann is typing…').waitFor();
    await ben.picture('typing');
    expect(await ann.page.getByText('is typing…').count()).toBe(0);
    await ann.say('Hello Ben');
    await ben.page.getByText('Hello Ben', { exact: true }).waitFor();
    await ben.page.getByText('is typing…').waitFor({ state: 'detached' });
    await fieldOf(ben).pressSequentially('well');
    await ann.page.getByText('Ben is typing…').waitFor();
    await fieldOf(ben).fill('');
    await ann.page.getByText('is typing…').waitFor({ state: 'detached' });
  });

  it('see a mute and when it ends', async () => {
    const room = newRoom();
    const ann = await inRoom('Ann', room);
    const ben = await inRoom('Ben', room);
    const rooms = `${host().url}/api/v1/rooms/${encodeURIComponent(room)}`;
    const key = { 'x-api-key': host().apiKey };
    const listed = (await (await fetch(`${rooms}/members`, { headers: key })).json()) as {
      members: { userId: string; username: string }[];
    };
    const userId = listed.members.find(({ username }) => username === 'Ann')?.userId;
    const asked = { method: 'POST', headers: { 'content-type': 'application/json', ...key } };
    await fetch(`${rooms}/mute`, { ...asked, body: JSON.stringify({ userId, seconds: 600 }) });
    await ann.page.getByText(/^You are muted in this room until \d\d:\d\d\.$/).waitFor();
    await ann.picture('muted');
    expect(await ben.page.getByText('muted').count()).toBe(0);
    await ann.say('Does anybody hear me?');
    await ann.page.locator('.own .problem, .own').getByText('muted').waitFor();
    expect(await ben.texts()).toEqual([]);
    await fetch(`${rooms}/mute/${userId}`, { method: 'DELETE', headers: key });
    await ann.say('And now?');
    await ben.page.getByText('And now?', { exact: true }).waitFor();
    await ann.page.getByText('You are muted').waitFor({ state: 'detached' });
  });

  it('of the same name each see the other’s messages as the other’s', async () => {
    const room = newRoom();
    const [one, two] = [await inRoom('Kim', room), await inRoom('Kim', room)];
    await one.say('first');
    await two.page.locator('.theirs').getByText('first', { exact: true }).waitFor();
    await two.say('second');
    await one.page.locator('.theirs').getByText('second', { exact: true }).waitFor();
  });
});

it.each([
  '<img src=x onerror=alert(1)>',
  '"><script>alert(1)</script>',
  '[x](javascript:alert(1)) javascript:alert(1)',
])('shows %j as the text it is', async (text) => {
  const room = newRoom();
  const [ann, ben] = [await inRoom('Ann', room), await inRoom('<b>Ben</b>', room)];
  await ann.say(text);
  for (const { texts } of [ann, ben]) await eventually(texts).toEqual([text]);
  expect(await ben.page.locator('.list img, .list script, .list b, .list a').count()).toBe(0);
  await ann.page.getByText('<b>Ben</b> joined').waitFor();
});

it('loads avatars of sites that the operator names, and draws all others', async () => {
  const room = newRoom();
  const ann = await inRoom('Ann', room);
  const loaded = new Set<string>();
  await ann.page.route(/^https:/, (route) => {
    loaded.add(route.request().url());
    return route.fulfill({ contentType: 'image/svg+xml', body: '<svg xmlns="http://www.w3.org/2000/svg"/>' });
  });
  for (const [username, site] of [
    ['Ben', 'elsewhere'],
    ['Cem', 'pictures'],
  ] as const) {
    const other = await member(username, room);
    await other.do('join', { roomid: room, avatar: `https://${site}.example/face.svg` });
    await other.do('say', { roomid: room, text: `I am ${username}` });
  }
  await ann.page.locator('.list .avatar img').waitFor();
  expect(await ann.page.locator('.list .avatar').allTextContents()).toEqual(['B', '']);
  await eventually(async () => [...loaded]).toEqual(['https://pictures.example/face.svg']);
});

it('makes an address a link that sends its target no referrer', async () => {
  const ann = await inRoom('Ann', newRoom());
  await ann.say('see https://example.org/a?b=1.');
  const link = ann.page.getByRole('link', { name: 'https://example.org/a?b=1' });
  expect(await link.getAttribute('href')).toBe('https://example.org/a?b=1');
  expect(await link.getAttribute('rel')).toContain('noopener noreferrer');
});

it('stays the same guest with the same history over a refresh', async () => {
  const room = newRoom();
  const ann = await inRoom('Ann', room);
  await ann.say('mine');
  await eventually(() => ann.page.locator('.draft-state').count()).toBe(0);
  expect(decodeURIComponent(new URL(ann.page.url()).pathname)).toBe(`/r/${room}`);
  await ann.page.reload();
  await ann.connected();
  await eventually(() => ann.page.locator('.own .bubble').allTextContents()).toEqual(['mine']);
});

it('restores typed text and unacked messages after a reload, and sends nothing twice', async () => {
  const room = newRoom();
  const [ann, ben] = [await arrive('/'), await member('Ben', room)];
  let deaf = false;
  await ann.page.routeWebSocket(/\/socket\.io\//, (webSocket) => {
    const server = webSocket.connectToServer();
    server.onMessage((message) => {
      if (!deaf) webSocket.send(message);
    });
  });
  // The route applies to pages loaded from now on.
  await ann.page.reload();
  await ann.enter('Ann', room);
  deaf = true;
  const field = ann.page.getByLabel('Message', { exact: true });
  await ann.say('stored, not acked');
  await eventually(async () => ben.said.length).toBe(1);
  await ann.say('behind it');
  await field.fill('half a\nthought');
  await ann.picture('unsent');
  deaf = false;
  await ann.page.reload();
  await eventually(ann.texts).toEqual(['stored, not acked', 'behind it']);
  await eventually(() => ann.page.locator('.draft-state').count()).toBe(0);
  await eventually(() => field.inputValue()).toBe('half a\nthought');
  await ann.picture('refreshed');
  expect(ben.said.map(({ data }) => data.text)).toEqual(['stored, not acked', 'behind it']);
  await ann.page.getByRole('button', { name: 'Settings' }).click();
  await ann.page.getByRole('button', { name: 'Leave all rooms' }).click();
  await ann.enter('Somebody else', room);
  await eventually(() => field.inputValue()).toBe('');
});

describe('links', () => {
  it('to a room ask for a name and offer the room', async () => {
    const ann = await arrive('/?roomid=tea');
    await eventually(() => ann.page.getByLabel('Room', { exact: true }).inputValue()).toBe('tea');
    await ann.enter('Ann');
    await ann.page.getByRole('heading', { name: 'tea' }).waitFor();
  });

  it('to chart.html with a name and avatar enter at once, and do not stay in the address', async () => {
    const dong = await arrive('/chart.html?name=%E4%B8%9C%E4%B8%9C&avatar=1.jpg');
    await dong.connected();
    await dong.say('你好');
    await dong.page.locator('.said-by', { hasText: '东东' }).waitFor();
    const { pathname, search } = new URL(dong.page.url());
    expect(pathname + search).toBe('/r/lobby');
  });

  it('with an invalid room show the error before anything is sent', async () => {
    const ann = await arrive('/?roomid=%7Bx%7D');
    await ann.page.getByLabel('Nickname').fill('Ann');
    await ann.page.getByRole('button', { name: 'Enter' }).click();
    await ann.page.getByText('A room’s name has').waitFor();
  });
});

it('fits a phone: nothing to scroll sideways, and the field is in sight', async () => {
  const room = newRoom();
  const ben = await member('Ben', room);
  const phone = await arrive('/', PHONE);
  await phone.picture('phone-entry');
  const sideways = () => phone.page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  expect(await sideways()).toBe(0);
  await phone.enter('Ann', room);
  await ben.do('say', { roomid: room, text: 'w'.repeat(500) });
  await ben.do('say', { roomid: room, text: `https://example.org/${'path/'.repeat(40)}` });
  await phone.say('Both wrap.');
  await eventually(async () => (await phone.texts()).length).toBe(3);
  await phone.picture('phone');
  expect(await sideways()).toBe(0);
  expect(await phone.page.getByRole('log').evaluate((box) => box.scrollWidth - box.clientWidth)).toBe(0);
  const box = await phone.page.getByLabel('Message', { exact: true }).boundingBox();
  expect(box && box.y >= 0 && box.y + box.height <= 667).toBe(true);
  const size = await phone.page
    .getByLabel('Message', { exact: true })
    .evaluate((field) => getComputedStyle(field).fontSize);
  // Below 16px iOS zooms in on the field and stays there.
  expect(size).toBe('16px');
});

it.each(['light', 'dark'] as const)('has a %s theme', async (colorScheme) => {
  const room = newRoom();
  const [ann, ben] = [await inRoom('Ann Lee', room, { colorScheme }), await member('Ben', room)];
  const background = await ann.page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const brightness = (background.match(/\d+/g) ?? []).map(Number).reduce((sum, part) => sum + part, 0);
  expect(brightness > 3 * 128).toBe(colorScheme === 'light');
  await ben.do('say', { roomid: room, text: 'Shall we move the tea to four?' });
  await ben.do('say', { roomid: room, text: 'The small room is free then: https://example.org/rooms/small' });
  await ann.say('Four is fine.\nI will bring cake.');
  await eventually(async () => (await ann.texts()).length).toBe(3);
  await ann.picture(colorScheme);
});

it('shows when the server is away, keeps messages, and loses nothing when it is back', async () => {
  const room = newRoom();
  const own = await startHost({ workers: 2 });
  let again: Host | undefined;
  try {
    const ann = await inRoom('Ann', room, { at: own.url });
    const ben = await inRoom('Ben', room, { at: own.url });
    await ann.say('before');
    await ben.page.getByText('before', { exact: true }).waitFor();
    await own.stop();
    await ann.page.getByText('Reconnecting…').first().waitFor();
    await ann.say('while away');
    await ann.page.getByText('Waiting for the connection').waitFor();
    await ann.picture('away');
    again = await startHost({ workers: 2, basePort: own.basePort, dataDir: own.dataDir });
    for (const { page, texts } of [ann, ben]) {
      await page.locator('.room-header[data-connection="joined"]').waitFor();
      await eventually(texts).toEqual(['before', 'while away']);
      expect(await page.getByText('may be missing').count()).toBe(0);
    }
    await eventually(() => ann.page.locator('.draft-state').count()).toBe(0);
  } finally {
    await (again ?? own).stop();
    await own.remove();
  }
});
