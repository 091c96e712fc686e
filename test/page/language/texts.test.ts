import { expect, it } from 'vitest';
import { createLanguage, preferredLanguage } from '../../../src/page/language/texts.ts';
import { zh } from '../../../src/page/language/zh.ts';

it('takes the first language of the browser that it has, else English', () => {
  expect(preferredLanguage(['fr-FR', 'zh-TW', 'en'])).toBe('zh');
  expect(preferredLanguage(['en-US', 'zh'])).toBe('en');
  expect(preferredLanguage(['fr'])).toBe('en');
});

it('counts in the plural of the language, and dates as the browser’s own variant of it does', () => {
  const [british, chinese] = [createLanguage('en', ['de', 'en-GB']), createLanguage('zh', ['en-GB'], zh)];
  expect([1, 2].map(british.shell.peopleHere)).toEqual(['1 person here', '2 people here']);
  expect([1, 2].map(chinese.shell.peopleHere)).toEqual(['1 人在线', '2 人在线']);
  const noon = new Date(2026, 2, 3, 12).getTime();
  expect(british.format.day(noon)).toBe('Tuesday 3 March');
  expect(chinese.format.day(noon)).toBe('3月3日星期二');
});
