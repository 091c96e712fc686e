import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import { en, type Texts } from './en.ts';
import { createFormats, type Formats } from './formats.ts';

export type LanguageName = 'en' | 'zh';

/** The texts of the page in one language, and its way to write dates and numbers. */
export interface Language extends Texts {
  readonly name: LanguageName;
  readonly format: Formats;
}

/** Loads all texts but the English ones, which are in the page's first script. */
export async function loadTexts(name: LanguageName): Promise<Texts> {
  return name === 'en' ? en : (await import('./zh.ts')).zh;
}

/** `locales` are those of the browser: a reader of British English wants its dates. */
export function createLanguage(name: LanguageName, locales: readonly string[], texts: Texts = en): Language {
  const locale = locales.find((wanted) => languageOf(wanted) === name) ?? name;
  return { name, ...texts, format: createFormats(locale) };
}

/** The first language of the browser that the page has. */
export function preferredLanguage(locales: readonly string[]): LanguageName {
  const first = locales.map(languageOf).find((language) => language === 'en' || language === 'zh');
  return first ?? 'en';
}

function languageOf(locale: string): string {
  return locale.split('-')[0]?.toLowerCase() ?? '';
}

export const LanguageContext = createContext<Language | undefined>(undefined);

export function useTexts(): Language {
  const language = useContext(LanguageContext);
  if (!language) throw new Error('the page has no language');
  return language;
}
