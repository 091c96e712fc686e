import { describe, expect, it } from 'vitest';
import { pageFixture } from './page-fixture.ts';
import type { Visitor } from './visitor.ts';

const { newRoom, inRoom, member } = pageFixture({ workers: 1, env: { RATE_SAY: '0' } });

const eventually = (look: () => Promise<unknown>) => expect.poll(look, { timeout: 20_000 });
const fieldOf = ({ page }: Visitor) => page.getByLabel('Message', { exact: true });
const typedBy = (visitor: Visitor) => () => fieldOf(visitor).inputValue();
const PHONE = { viewport: { width: 375, height: 667 }, hasTouch: true, isMobile: true };
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
    expect(await send.isDisabled()).toBe(true);
    await field.fill('   ');
    await field.press('Enter');
    expect(await send.isDisabled()).toBe(true);
    await field.fill('one');
    await field.press('Shift+Enter');
    await field.pressSequentially('two');
    await field.dispatchEvent('keydown', { key: 'Enter', isComposing: true, bubbles: true });
    expect(await field.inputValue()).toBe('one\ntwo');
    await field.press('Enter');
    await eventually(ann.texts).toEqual(['one\ntwo']);
    expect(await field.inputValue()).toBe('');
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
    expect(await ann.page.getByRole('combobox').getAttribute('aria-expanded')).toBe('true');
    await field.press('ArrowDown');
    const active = await ann.page.getByRole('combobox').getAttribute('aria-activedescendant');
    expect(await ann.page.locator(`[id="${active}"]`).getAttribute('aria-selected')).toBe('true');
    await ann.picture('mention-list');
    await field.press('Tab');
    await eventually(typedBy(ann)).toBe('for @Ben ');
    await field.pressSequentially('and @bea');
    await options.first().waitFor();
    await field.press('Escape');
    expect(await options.count()).toBe(0);
    await field.press('Escape');
    await field.pressSequentially(' ok');
    await field.press('Enter');
    await eventually(async () => ben.said.length).toBe(1);
    expect(ben.said[0]).toMatchObject({
      data: { text: 'for @Ben and @bea ok' },
      mentions: [ben.hello.user.id],
    });
    expect(bea.said).toHaveLength(1);
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
    expect(await ann.page.getByRole('dialog').count()).toBe(0);
    await field.press('Enter');
    await eventually(ann.texts).toEqual([`well 🎉 🚀${chosen}`]);
  });

  it('offers to send a long pasted text as a block, and grows to eight lines only', async () => {
    const ann = await inRoom('Ann', newRoom());
    const field = fieldOf(ann);
    const height = () => field.evaluate((box) => box.getBoundingClientRect().height);
    await paste(ann, LOG);
    await ann.page.getByText('You pasted 120 lines.').waitFor();
    expect(await height()).toBe(200);
    await ann.picture('pasted');
    await ann.page.getByRole('button', { name: 'Send as a collapsed block' }).click();
    await eventually(typedBy(ann)).toBe(`\`\`\`text\n${LOG}\n\`\`\``);
    expect(await ann.page.getByText('You pasted').count()).toBe(0);
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
    expect(await ann.page.getByRole('button', { name: 'Send' }).isDisabled()).toBe(true);
  });

  it('begins a line with Enter on a phone', async () => {
    const ann = await inRoom('Ann', newRoom(), PHONE);
    const field = fieldOf(ann);
    await field.pressSequentially('one');
    await field.press('Enter');
    await field.pressSequentially('two');
    expect(await field.inputValue()).toBe('one\ntwo');
    await ann.page.getByRole('button', { name: 'Insert an emoji' }).click();
    await ann.page.getByRole('option').first().waitFor();
    await ann.picture('phone-emoji');
    const box = await ann.page.getByRole('dialog').boundingBox();
    expect(box && box.x >= 0 && box.x + box.width <= 375 && box.y >= 0).toBe(true);
  });
});
