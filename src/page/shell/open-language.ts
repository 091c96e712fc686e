import {
  createLanguage,
  type Language,
  type LanguageName,
  loadTexts,
  preferredLanguage,
} from '../language/texts.ts';
import { createValue, type StoreDeps, type Value } from '../ui/store.ts';

export interface OpenLanguageDeps {
  /** The reader's choice, if there is one. */
  readonly chosen: () => LanguageName | undefined;
  readonly onChange: (listener: () => void) => void;
  /** Those of the browser. */
  readonly locales: readonly string[];
  readonly nextFrame: StoreDeps<Language, Language>['nextFrame'];
  readonly load?: typeof loadTexts;
}

/** Follows the reader's choice, else the browser's. A language that cannot be loaded leaves the page in the one it has. */
export async function openLanguage(deps: OpenLanguageDeps): Promise<Value<Language>> {
  const { chosen, onChange, locales, nextFrame, load = loadTexts } = deps;
  const wanted = () => chosen() ?? preferredLanguage(locales);
  const language = createValue(createLanguage('en', locales), nextFrame);

  async function follow(): Promise<void> {
    const name = wanted();
    if (name === language.get().name) return;
    try {
      const texts = await load(name);
      // The reader may have changed their mind meanwhile.
      if (name === wanted()) language.dispatch(createLanguage(name, locales, texts));
    } catch {}
  }

  onChange(() => void follow());
  await follow();
  return language;
}
