import { describe, expect, it } from 'vitest';
import { eventually, PHONE, pageFixture } from './page-fixture.ts';
import type { Visitor } from './visitor.ts';

const { newRoom, inRoom, member } = pageFixture({ workers: 1, env: { RATE_SAY: '0' } });

const fieldOf = ({ page }: Visitor) => page.getByLabel('Message', { exact: true });
const typedBy = (visitor: Visitor) => () => fieldOf(visitor).inputValue();
const LOG = Array.from({ length: 120 }, (_, index) => `line ${index + 1}`).join('\n');

async function paste({ page }: Visitor, text: string): Promise<void> {
  await page.evaluate((pasted) => {
    const field = document.querySelector('textarea');
    const clipboardData = new DataTransfer();
    clipboardData.setData('text/plain', pasted);
    field?.focus();
    field?.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
    document.execCommand('insertText', false, pasted);
  }, text);
}

describe('writing', () => {
  it('is sent by Enter; Shift+Enter is a new line, Enter of an input method picks a word, nothing is not sent', async () => {
    const ann = await inRoom('Ann', newRoom());
    const field = fieldOf(ann);
    const send = ann.page.getByRole('button', { name: 'Send' });
    await eventually(() => send.isDisabled()).toBe(true);
    await field.fill('   ');
    await field.press('Enter');
    await eventually(() => send.isDisabled()).toBe(true);
    await field.fill('one');
    await field.press('Shift+Enter');
    await field.pressSequentially('two');
    await field.dispatchEvent('keydown', { key: 'Enter', isComposing: true, bubbles: true });
    await eventually(() => field.inputValue()).toBe('one\ntwo');
    await field.press('Enter');
    await eventually(ann.texts).toEqual(['one\ntwo']);
    await eventually(() => field.inputValue()).toBe('');
  });

  it('completes members after an @ and mentions those whose names stay', async () => {
    const room = newRoom();
    const ann = await inRoom('Ann', room);
    const [ben, bea] = [await member('Ben', room), await member('Bea', room)];
    const field = fieldOf(ann);
    const options = ann.page.getByRole('option');
    await field.pressSequentially('for @b');
    await eventually(() => options.allTextContents()).toEqual([
      expect.stringMatching(/Bea$/),
      expect.stringMatching(/Ben$/),
    ]);
    await eventually(() => ann.page.getByRole('combobox').getAttribute('aria-expanded')).toBe('true');
    await field.press('ArrowDown');
    const active = await ann.page.getByRole('combobox').getAttribute('aria-activedescendant');
    await eventually(() => ann.page.locator(`[id="${active}"]`).getAttribute('aria-selected')).toBe('true');
    await ann.picture('mention-list');
    await field.press('Tab');
    await eventually(typedBy(ann)).toBe('for @Ben ');
    await field.pressSequentially('and @bea');
    await options.first().waitFor();
    await field.press('Escape');
    await eventually(() => options.count()).toBe(0);
    await field.press('Escape');
    await field.pressSequentially(' ok');
    await field.press('Enter');
    await eventually(async () => ben.said.length).toBe(1);
    expect(ben.said[0]).toMatchObject({
      data: { text: 'for @Ben and @bea ok' },
      mentions: [ben.hello.user.id],
    });
    await eventually(async () => bea.said.length).toBe(1);
  });

  it('puts emoji in by their names and from the picker, which remembers them', async () => {
    const ann = await inRoom('Ann', newRoom());
    const field = fieldOf(ann);
    await field.pressSequentially('well :tad');
    await ann.page.getByRole('option', { name: ':tada:' }).waitFor();
    await field.pressSequentially('a:');
    await eventually(typedBy(ann)).toBe('well 🎉');
    await field.pressSequentially(' :rocke');
    await ann.page.getByRole('option', { name: ':rocket:' }).waitFor();
    await field.press('Enter');
    await eventually(typedBy(ann)).toBe('well 🎉 🚀');
    await ann.page.getByRole('button', { name: 'Insert an emoji' }).click();
    const search = ann.page.getByLabel('Search emoji');
    await search.fill('heart');
    await ann.page.getByRole('option').first().waitFor();
    await ann.picture('emoji-found');
    await search.fill('');
    await search.press('ArrowDown');
    await search.press('ArrowRight');
    await ann.picture('emoji-picker');
    const chosen = await ann.page.locator('.emoji-picker [aria-selected="true"]').textContent();
    await search.press('Enter');
    await eventually(typedBy(ann)).toBe(`well 🎉 🚀${chosen}`);
    await ann.page.getByRole('button', { name: 'Insert an emoji' }).click();
    await ann.page
      .getByRole('group', { name: 'Recent' })
      .getByText(chosen ?? '')
      .waitFor();
    await search.press('Escape');
    await eventually(() => ann.page.getByRole('dialog').count()).toBe(0);
    await field.press('Enter');
    await eventually(ann.texts).toEqual([`well 🎉 🚀${chosen}`]);
  });

  it('offers to send a long pasted text as a block, and grows to eight lines only', async () => {
    const ann = await inRoom('Ann', newRoom());
    const field = fieldOf(ann);
    const height = () => field.evaluate((box) => box.getBoundingClientRect().height);
    await paste(ann, LOG);
    await ann.page.getByText('You pasted 120 lines.').waitFor();
    await eventually(() => height()).toBe(200);
    await ann.picture('pasted');
    await ann.page.getByRole('button', { name: 'Send as a collapsed block' }).click();
    await eventually(typedBy(ann)).toBe(`\`\`\`text\n${LOG}\n\`\`\``);
    await eventually(() => ann.page.getByText('You pasted').count()).toBe(0);
    // One step back is one step back.
    await field.press('Control+z');
    await eventually(typedBy(ann)).toBe(LOG);
  });

  it('says how many characters must go', async () => {
    const ann = await inRoom('Ann', newRoom());
    const field = fieldOf(ann);
    await field.fill('é'.repeat(4_000));
    await ann.page.getByText('room for about 96 more characters').waitFor();
    await field.fill('x'.repeat(9_392));
    await ann.page.getByText('1,200 characters too long').waitFor();
    await eventually(() => ann.page.getByRole('button', { name: 'Send' }).isDisabled()).toBe(true);
  });

  it('begins a line with Enter on a phone', async () => {
    const ann = await inRoom('Ann', newRoom(), PHONE);
    const field = fieldOf(ann);
    await field.pressSequentially('one');
    await field.press('Enter');
    await field.pressSequentially('two');
    await eventually(() => field.inputValue()).toBe('one\ntwo');
    await ann.page.getByRole('button', { name: 'Insert an emoji' }).click();
    await ann.page.getByRole('option').first().waitFor();
    await ann.picture('phone-emoji');
    const box = await ann.page.getByRole('dialog').boundingBox();
    expect(box && box.x >= 0 && box.x + box.width <= 375 && box.y >= 0).toBe(true);
  });
});

describe('what is typed', () => {
  it('outlives the tab, and leaving asks only while a message is not sent', async () => {
    const room = newRoom();
    const ben = await member('Ben', room);
    const ann = await inRoom('Ann', room);
    const { page } = ann;
    await ann.say('sent');
    await eventually(async () => ben.said.length).toBe(1);
    await fieldOf(ann).fill('half a thought');
    await page.reload();
    await page.getByText(/^Connected/).waitFor();
    await eventually(typedBy(ann)).toBe('half a thought');
    expect(ann.asked()).toBe(0);
    await page.context().setOffline(true);
    await ann.say('written in a tunnel');
    await fieldOf(ann).fill('and more');
    await page.getByText('written in a tunnel', { exact: true }).waitFor();
    const next = await page.context().newPage();
    // The next tab takes nothing over from a tab that has yet to close.
    const closed = page.waitForEvent('close');
    await page.close({ runBeforeUnload: true });
    await closed;
    expect(ann.asked()).toBe(1);
    await page.context().setOffline(false);
    await next.goto(page.url().split('?')[0] ?? '');
    await next.getByLabel('Nickname').fill('Ann');
    await next.getByLabel('Room', { exact: true }).fill(room);
    await next.getByRole('button', { name: 'Enter' }).click();
    await eventually(async () => ben.said.map(({ data }) => data.text)).toEqual([
      'sent',
      'written in a tunnel',
    ]);
    await eventually(() => next.getByLabel('Message', { exact: true }).inputValue()).toBe('and more');
  });
});

describe('a message', () => {
  it('comes back after a reload with the message that it answers, or changes', async () => {
    const ann = await inRoom('Ann', newRoom());
    const { page } = ann;
    await ann.say('first');
    const row = page.locator('.row').filter({ has: page.getByText('first', { exact: true }) });
    await row.hover();
    await page.getByRole('button', { name: 'Reply' }).click();
    await fieldOf(ann).fill('an answer');
    await page.reload();
    await ann.connected();
    await page.locator('.target-bar').getByText('first').waitFor();
    await eventually(typedBy(ann)).toBe('an answer');
    await page.keyboard.press('Enter');
    await page.locator('.quoted').getByText('first').waitFor();
    await fieldOf(ann).press('ArrowUp');
    await eventually(typedBy(ann)).toBe('an answer');
    await fieldOf(ann).fill('a better answer');
    await page.reload();
    await ann.connected();
    await eventually(typedBy(ann)).toBe('a better answer');
    await page.getByRole('button', { name: 'Save the change' }).click();
    await eventually(ann.texts).toEqual(['first', 'a better answer']);
    await eventually(typedBy(ann)).toBe('');
  });

  it('is drawn with its mark-up for everybody, and long code is shown when asked for', async () => {
    const room = newRoom();
    const [ann, ben] = [await inRoom('Ann', room), await member('Ben', room)];
    const { page } = ann;
    const say = (text: string) => ben.do('say', { roomid: room, text });
    await say('**bold** *em* `code` [plans](https://example.org/plans)\n> quoted\n\n1. one\n2. two');
    await say('<b>no HTML</b> ![image](https://example.org/a.png) # no heading');
    await say('[https://bank.example](https://evil.example/x)');
    await say('🎉🎉');
    await say(`\`\`\`text\n${LOG}\n\`\`\``);
    await page.getByText('Show all 120 lines').waitFor();
    const list = page.getByRole('log');
    for (const tag of ['strong', 'em', 'code', 'blockquote', 'ol > li']) {
      expect(await list.locator(tag).count()).toBeGreaterThan(0);
    }
    expect(await list.locator('b, img, h1').count()).toBe(0);
    const link = list.getByRole('link', { name: 'https://bank.example (evil.example)' });
    expect(await link.getAttribute('rel')).toBe('noopener noreferrer nofollow');
    expect(await link.getAttribute('target')).toBe('_blank');
    await ann.picture('markdown');
    await eventually(() => list.getByText('line 120').count()).toBe(0);
    await page.getByRole('button', { name: 'Show all 120 lines' }).click();
    await list.getByText('line 120').waitFor();
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await list.getByRole('button', { name: 'Copy' }).click();
    await list.getByRole('button', { name: 'Copied' }).waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(LOG);
  });
});
