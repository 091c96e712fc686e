import { expect, it, vi } from 'vitest';
import { createClient } from '../../src/client/index.ts';
import { QUICK } from './chatter.ts';
import { stageForEach } from './stage.ts';

const { fake, closeLater } = stageForEach();

it('a listener that throws is reported once to the console when nobody listens to `error`', async () => {
  const shown = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const chat = createClient(fake().url, QUICK);
  closeLater(chat);
  const mistake = new Error('mine');
  chat.on('hello', () => {
    throw mistake;
  });
  await chat.join('tea');
  expect(shown.mock.calls).toEqual([[mistake]]);
  shown.mockRestore();
});

it('an error listener gets it instead, and its own mistake goes to reportError', async () => {
  const reportError = vi.fn();
  vi.stubGlobal('reportError', reportError);
  const chat = createClient(fake().url, QUICK);
  closeLater(chat);
  const heard: unknown[] = [];
  const [first, second] = [new Error('of hello'), new Error('of error')];
  chat.on('error', (error) => {
    heard.push(error);
    throw second;
  });
  chat.on('hello', () => {
    throw first;
  });
  await chat.join('tea');
  expect(heard).toEqual([first]);
  expect(reportError.mock.calls).toEqual([[second]]);
  vi.unstubAllGlobals();
});
