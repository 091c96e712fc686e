import { expect, it } from 'vitest';
import { createMemory } from '../../../src/page/session/memory.ts';
import { createSettings, parseSettings } from '../../../src/page/shell/settings.ts';

const DEFAULTS = { theme: 'auto', notifications: 'none', sound: false, muted: [] };

it('keeps what the reader chose for the next time', () => {
  const browser = createMemory(() => {
    throw new Error('no storage');
  });
  const now = (callback: () => void) => callback();
  const settings = createSettings(browser, now);
  expect(settings.value.get()).toEqual(DEFAULTS);
  settings.change({ theme: 'dark', language: 'zh' });
  settings.change({ muted: ['tea'] });
  const chosen = { ...DEFAULTS, theme: 'dark', language: 'zh', muted: ['tea'] };
  expect(settings.value.get()).toEqual(chosen);
  expect(createSettings(browser, now).value.get()).toEqual(chosen);
});

it.each(['{', '7', 'null', '{"theme":"pink","language":"fr","notifications":1,"sound":"yes","muted":"tea"}'])(
  'takes the defaults for a stored %s',
  (stored) => {
    expect(parseSettings(stored)).toEqual(DEFAULTS);
  },
);
