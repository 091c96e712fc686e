import { expect, it } from 'vitest';
import { type LanguageName, loadTexts } from '../../../src/page/language/texts.ts';
import { openLanguage } from '../../../src/page/shell/open-language.ts';
import { eventually } from '../../support/eventually.ts';

interface Stage {
  /** Those that are there. */
  readonly loads: LanguageName[];
  /** The next loads wait for it. */
  gate: Promise<void>;
  choose(name: LanguageName): void;
  open(): ReturnType<typeof openLanguage>;
}

function stage(locales: readonly string[]): Stage {
  let chosen: LanguageName | undefined;
  const listeners: (() => void)[] = [];
  const it: Stage = {
    loads: [],
    gate: Promise.resolve(),
    choose(name) {
      chosen = name;
      for (const listener of listeners) listener();
    },
    open: () =>
      openLanguage({
        chosen: () => chosen,
        onChange: (listener) => listeners.push(listener),
        locales,
        nextFrame: (callback) => callback(),
        async load(name) {
          await it.gate;
          const texts = await loadTexts(name);
          it.loads.push(name);
          return texts;
        },
      }),
  };
  return it;
}

it('starts in the browser’s language, and loads nothing for English', async () => {
  const [english, chinese] = [stage(['en-GB']), stage(['zh-CN', 'en'])];
  expect((await english.open()).get().shell.peopleHere(2)).toBe('2 people here');
  expect(english.loads).toEqual([]);
  expect((await chinese.open()).get().shell.peopleHere(2)).toBe('2 人在线');
});

it('changes to the language that the reader chooses, and back', async () => {
  const { choose, open } = stage(['en']);
  const language = await open();
  choose('zh');
  await eventually(() => expect(language.get().shell.peopleHere(2)).toBe('2 人在线'));
  choose('en');
  await eventually(() => expect(language.get().name).toBe('en'));
});

it('keeps to the last choice, whichever texts arrive last', async () => {
  const it = stage(['en']);
  const language = await it.open();
  let arrive: () => void = () => undefined;
  it.gate = new Promise((resolve) => {
    arrive = resolve;
  });
  it.choose('zh');
  it.choose('en');
  arrive();
  await eventually(() => expect(it.loads).toEqual(['zh']));
  await new Promise(setImmediate);
  expect(language.get().name).toBe('en');
});

it('stays in its language if the other cannot be loaded, and tries again when asked again', async () => {
  const it = stage(['zh']);
  it.gate = Promise.reject(new Error('offline'));
  const language = await it.open();
  expect(language.get().name).toBe('en');
  it.gate = Promise.resolve();
  it.choose('zh');
  await eventually(() => expect(language.get().name).toBe('zh'));
});
