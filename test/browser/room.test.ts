import type { Locator } from 'playwright-core';
import { describe, expect, it } from 'vitest';
import { fillRoom } from './fill-room.ts';
import { eventually, pageFixture } from './page-fixture.ts';
import type { Visitor } from './visitor.ts';

/** The messages of the longest room here. */
const LONG = 5_000;
const XSS = '<img src=x onerror=alert(1)>';

const { host, newRoom, inRoom, member } = pageFixture({
  workers: 1,
  env: { RATE_SAY: '0', HISTORY_SIZE: String(2 * LONG) },
});

const listOf = ({ page }: Visitor) => page.getByRole('log');
const fieldOf = ({ page }: Visitor) => page.getByLabel('Message', { exact: true });
const rowOf = ({ page }: Visitor, text: string) =>
  page.locator('.row').filter({ has: page.locator('.bubble').getByText(text, { exact: true }) });
const atEnd = (list: Locator) =>
  list.evaluate((box) => box.scrollHeight - box.scrollTop - box.clientHeight < 2);
/** The text of the row that has the focus, or the name of another element that has it. */
const focused = ({ page }: Visitor) =>
  page.evaluate(() => {
    const { activeElement } = document;
    return activeElement?.querySelector('.bubble, .notice')?.textContent ?? activeElement?.tagName;
  });

describe('messages', () => {
  it('are answered, reacted to, edited and deleted, and are the text they are', async () => {
    const room = newRoom();
    const [ann, ben] = [await inRoom('Ann', room), await inRoom('<b>Ben</b>', room)];
    await ann.say(XSS);
    await rowOf(ben, XSS).hover();
    await ben.page.getByRole('button', { name: 'Reply' }).click();
    await ben.say(`why ${XSS}`);
    const quoted = rowOf(ann, `why ${XSS}`).locator('.quoted');
    await quoted.getByText(XSS, { exact: true }).waitFor();
    await ann.page.getByText('1 reply').waitFor();

    await rowOf(ben, XSS).hover();
    await ben.page.getByRole('button', { name: 'Actions' }).click();
    await ben.page.getByRole('menuitem', { name: 'React with 👍' }).click();
    const chip = rowOf(ann, XSS).getByRole('button', { name: '👍' });
    await chip.waitFor();
    await eventually(() => chip.getAttribute('title')).toBe('<b>Ben</b>');
    await eventually(() => chip.getAttribute('aria-pressed')).toBe('false');
    await chip.click();
    await rowOf(ben, XSS).getByRole('button', { name: '👍' }).getByText('2').waitFor();
    await ann.picture('reactions');
    await rowOf(ann, XSS).hover();
    await ann.page.getByRole('button', { name: 'Actions' }).click();
    await ann.page.getByRole('menuitem', { name: 'More reactions' }).click();
    await ann.page.getByRole('dialog', { name: 'Emoji' }).waitFor();
    await ann.page.keyboard.type('pizza');
    await ann.page.getByRole('option').first().waitFor();
    await ann.picture('reaction-picker');
    await ann.page.keyboard.press('Enter');
    await rowOf(ben, XSS).getByRole('button', { name: '🍕' }).waitFor();
    await eventually(() => focused(ann)).toBe(XSS);
    await chip.click();
    await rowOf(ben, XSS).getByRole('button', { name: '👍' }).getByText('1').waitFor();

    await rowOf(ann, XSS).hover();
    await ann.page.getByRole('button', { name: 'Actions' }).click();
    await ann.picture('message-menu');
    await ann.page.getByRole('menuitem', { name: 'Edit' }).click();
    await eventually(() => fieldOf(ann).inputValue()).toBe(XSS);
    await ann.say(`${XSS} better`);
    await rowOf(ben, `${XSS} better`).getByText('edited').waitFor();

    await rowOf(ann, `${XSS} better`).hover();
    await ann.page.getByRole('button', { name: 'Actions' }).click();
    await ann.page.getByRole('menuitem', { name: 'Delete' }).click();
    const dialog = ann.page.getByRole('dialog');
    await dialog.getByText(`${XSS} better`).waitFor();
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await rowOf(ann, `${XSS} better`).hover();
    await ann.page.getByRole('button', { name: 'Actions' }).click();
    await ann.page.getByRole('menuitem', { name: 'Delete' }).click();
    await dialog.getByRole('button', { name: 'Delete' }).click();
    for (const { page } of [ann, ben]) await page.locator('.tombstone').waitFor();
    await rowOf(ann, `why ${XSS}`).locator('.quoted').getByText('A message was removed').waitFor();
    expect(await ben.page.locator('.list img, .list script, .list b').count()).toBe(0);
    // Others’ messages cannot be edited or deleted.
    await rowOf(ann, `why ${XSS}`).hover();
    await ann.page.getByRole('button', { name: 'Actions' }).click();
    await eventually(() => ann.page.getByRole('menuitem').allTextContents()).toEqual([
      ...['👍', '❤️', '😂', '🎉', '😮', '🙏', ''],
      ...['Reply', 'Go to the answered message', 'Copy text'],
    ]);
  });

  it('that cannot be changed say so', async () => {
    const room = newRoom();
    const ann = await inRoom('Ann', room);
    await ann.say('mine');
    await rowOf(ann, 'mine').hover();
    await ann.page.getByRole('button', { name: 'Actions' }).click();
    await ann.page.getByRole('menuitem', { name: 'Edit' }).click();
    const messages = `${host().url}/api/v1/rooms/${encodeURIComponent(room)}/messages`;
    await fetch(`${messages}/1`, { method: 'DELETE', headers: { 'x-api-key': host().apiKey } });
    await ann.page.locator('.tombstone').waitFor();
    await ann.say('changed');
    const alert = ann.page.getByRole('alert');
    await alert.getByText('The message was not edited.').waitFor();
    await alert.getByRole('button', { name: 'Close' }).click();
    await alert.waitFor({ state: 'detached' });
  });
});

it('is a conversation by keyboard alone, where the focus is never lost', async () => {
  const room = newRoom();
  const ben = await member('Ben', room);
  await fillRoom(ben, room, 40);
  const ann = await inRoom('Ann', room);
  const { keyboard } = ann.page;
  await rowOf(ann, 'number 40').waitFor();
  await fieldOf(ann).focus();
  await keyboard.press('Shift+Tab');
  await eventually(() => focused(ann)).toBe('number 40');
  await keyboard.press('ArrowUp');
  await eventually(() => focused(ann)).toBe('number 39');
  // Far enough that the row it came from is not drawn any more.
  await keyboard.press('Home');
  await eventually(() => focused(ann)).toBe('number 1');
  await keyboard.press('End');
  await eventually(() => focused(ann)).toBe('You joined');
  await keyboard.press('ArrowUp');
  await keyboard.press('Enter');
  await ann.page.getByRole('menu').waitFor();
  await keyboard.press('Escape');
  await eventually(() => focused(ann)).toBe('number 40');
  await keyboard.press('Enter');
  await keyboard.press('ArrowRight');
  await keyboard.press('Enter');
  await rowOf(ann, 'number 40').getByRole('button', { name: '❤️' }).waitFor();
  await eventually(() => focused(ann)).toBe('number 40');
  await keyboard.press('r');
  await keyboard.type('I answer');
  await keyboard.press('Enter');
  await rowOf(ann, 'I answer').locator('.quoted').getByText('number 40').waitFor();
  await eventually(async () => ben.said.at(-1)?.replyTo).toBe(40);
  // Tab leads back to the row that had the focus last.
  await keyboard.press('Shift+Tab');
  await eventually(() => focused(ann)).toBe('number 40');
  await keyboard.press('End');
  await eventually(() => focused(ann)).toBe('I answer');
  await keyboard.press('e');
  await eventually(() => fieldOf(ann).inputValue()).toBe('I answer');
  await keyboard.press('End');
  await keyboard.type(' better');
  await keyboard.press('Enter');
  await rowOf(ann, 'I answer better').getByText('edited').waitFor();
  await keyboard.press('Shift+Tab');
  await keyboard.press('Delete');
  await ann.page.getByRole('dialog').waitFor();
  await keyboard.press('Tab');
  await keyboard.press('Enter');
  await ann.page.locator('.tombstone').waitFor();
  await eventually(() => focused(ann)).toBe('A message was removed');
  await keyboard.press('Escape');
  await eventually(() => fieldOf(ann).evaluate((field) => field === document.activeElement)).toBe(true);
});

it('lists the members of a room with too many to follow, page by page', async () => {
  const room = newRoom();
  // All at once would be more joins than a busy machine answers in time.
  for (let n = 0; n < 201; n += 3)
    await Promise.all([0, 1, 2].map((more) => member(`Guest ${n + more}`, room)));
  const { page } = await inRoom('Ann', room);
  await page.getByRole('button', { name: 'Members' }).click();
  await page.getByText(/^202 people are here\./).waitFor();
  const listed = () => page.locator('.members li').count();
  await eventually(listed).toBe(100);
  for (const count of [200, 202]) {
    await page.getByRole('button', { name: 'More people' }).click();
    await eventually(listed).toBe(count);
  }
  expect(await page.getByRole('button', { name: 'More people' }).count()).toBe(0);
  await page.locator('.members').getByText('Guest 7', { exact: true }).click();
  await page.locator('.profile').getByRole('heading', { name: 'Guest 7' }).waitFor();
});

it('reads new messages out, and no history', async () => {
  const room = newRoom();
  const ben = await member('Ben', room);
  await fillRoom(ben, room, 20);
  const ann = await inRoom('Ann', room);
  const region = ann.page.locator('.messages [aria-live=polite]');
  await rowOf(ann, 'number 20').waitFor();
  await ben.do('say', { roomid: room, text: 'something new' });
  await eventually(() => region.textContent()).toBe('Ben: something new');
});

it('frees the memory of earlier renders', async () => {
  const room = newRoom();
  const [ann, ben] = [await inRoom('Ann', room), await member('Ben', room)];
  const sayAndSee = async (text: string) => {
    await ben.do('say', { roomid: room, text });
    await ann.page.getByText(text, { exact: true }).waitFor();
  };
  const rows = 500;
  await fillRoom(ben, room, rows);
  await sayAndSee('ready');
  const before = await ann.heapBytes();
  // One after the other, or one render draws several.
  for (let n = 0; n < 30; n++) await sayAndSee(`drawn ${n}`);
  // A retained render took about 900 bytes a row when all rows were drawn.
  expect((await ann.heapBytes()) - before).toBeLessThan(30 * rows * 200);
});

it('keeps the newest message in sight while the field grows and shrinks, and a reader where they are', async () => {
  const room = newRoom();
  const ben = await member('Ben', room);
  await fillRoom(ben, room, 40);
  const ann = await inRoom('Ann', room);
  const field = fieldOf(ann);
  const list = listOf(ann);
  const height = () => field.evaluate((box) => box.getBoundingClientRect().height);
  await rowOf(ann, 'number 40').waitFor();
  const low = await height();
  for (let line = 1; line <= 6; line++) {
    await field.pressSequentially(`line ${line}`);
    await field.press('Shift+Enter');
    await ann.frames(2);
    expect(await atEnd(list)).toBe(true);
  }
  // Full height already: measuring it must not move the list either.
  await field.pressSequentially('and more');
  await ann.frames(2);
  expect(await atEnd(list)).toBe(true);
  expect(await height()).toBeGreaterThan(3 * low);
  await ann.picture('many-lines');
  expect(await ann.page.getByRole('button', { name: 'To the newest' }).count()).toBe(0);
  await ann.page.setViewportSize({ width: 1100, height: 480 });
  await ann.frames(2);
  expect(await atEnd(list)).toBe(true);
  await field.fill('');
  await ann.frames(2);
  expect(await height()).toBe(low);
  expect(await atEnd(list)).toBe(true);
  const read = rowOf(ann, 'number 28');
  await read.scrollIntoViewIfNeeded();
  await list.evaluate((box) => box.scrollBy(0, -200));
  await ann.page.getByRole('button', { name: 'To the newest' }).waitFor();
  await ann.frames(2);
  const place = await read.boundingBox();
  await field.fill('one\ntwo\nthree');
  await ann.frames(2);
  expect(await read.boundingBox()).toEqual(place);
});

it('loads earlier messages above a reader without a jump, also while new ones arrive', async () => {
  const room = newRoom();
  const ben = await member('Ben', room);
  await fillRoom(ben, room, 160);
  const ann = await inRoom('Ann', room);
  const list = listOf(ann);
  await rowOf(ann, 'number 160').waitFor();
  await eventually(() => atEnd(list)).toBe(true);
  const seen: string[] = [];
  let live = 160;
  while (!seen.includes('number 1')) {
    await ben.do('say', { roomid: room, text: `number ${++live}` });
    const jump = await list.evaluate(async (box) => {
      // A step of a wheel, and then the place of the first whole row over the frames in which pages arrive and are drawn.
      box.scrollBy(0, -700);
      const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
      await frame();
      await frame();
      const top = box.getBoundingClientRect().top;
      const row = [...box.querySelectorAll('.bubble')].find((one) => one.getBoundingClientRect().top > top);
      const place = row?.getBoundingClientRect().top ?? 0;
      let most = 0;
      for (let n = 0; n < 8 && row; n++) {
        await frame();
        if (row.isConnected) most = Math.max(most, Math.abs(row.getBoundingClientRect().top - place));
      }
      return most;
    });
    expect(jump).toBeLessThanOrEqual(1);
    for (const text of await ann.texts()) if (!seen.includes(text)) seen.push(text);
  }
  await ann.picture('reading');
  await ann.page.getByRole('button', { name: /new messages?$/ }).click();
  await eventually(() => atEnd(list)).toBe(true);
  await rowOf(ann, `number ${live}`).waitFor();
});

it('holds a room of thousands of messages with few nodes and little memory, and goes to any of them', async () => {
  const room = newRoom();
  const ben = await member('Ben', room);
  await fillRoom(ben, room, LONG);
  const ann = await inRoom('Ann', room);
  await ben.do('say', { roomid: room, text: 'about the first', replyTo: 1 });
  await rowOf(ann, 'about the first').locator('.quoted').click();
  await eventually(() => focused(ann)).toBe('number 1');
  await ann.page.getByText('1 reply').waitFor();
  const nodes = () => ann.page.evaluate(() => document.querySelectorAll('*').length);
  expect(await nodes()).toBeLessThanOrEqual(3_000);
  await ann.page.getByRole('button', { name: 'To the newest' }).click();
  await rowOf(ann, 'about the first').locator('.quoted').getByText('number 1').waitFor();
  expect(await nodes()).toBeLessThanOrEqual(3_000);
  expect(await ann.heapBytes()).toBeLessThanOrEqual(25_000_000);
});
