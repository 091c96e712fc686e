import type { LanguageName } from '../language/texts.ts';
import type { Memory } from '../session/memory.ts';
import { createValue, type StoreDeps, type Value } from '../ui/store.ts';

export interface Settings {
  readonly theme: 'auto' | 'light' | 'dark';
  /** Absent: the browser's. */
  readonly language?: LanguageName;
  /** Desktop notifications: of nothing, of mentions and messages to this person, or of every message. */
  readonly notifications: 'none' | 'personal' | 'all';
  readonly sound: boolean;
  /** Room ids. */
  readonly muted: readonly string[];
}

export interface SettingsStore {
  readonly value: Value<Settings>;
  change(changed: Partial<Settings>): void;
}

const KEY = 'roomcast.settings';
const DEFAULTS: Settings = { theme: 'auto', notifications: 'none', sound: false, muted: [] };
const MAX_MUTED = 200;

export function createSettings(
  browser: Memory,
  nextFrame: StoreDeps<unknown, unknown>['nextFrame'],
): SettingsStore {
  const value = createValue<Settings>(parseSettings(browser.read(KEY)), nextFrame);
  return {
    value,
    change(changed) {
      const next = { ...value.get(), ...changed };
      browser.write(KEY, JSON.stringify(next));
      value.dispatch(next);
    },
  };
}

/** Reads a stored value, which may hold anything. */
export function parseSettings(stored: string | undefined): Settings {
  try {
    const { theme, language, notifications, sound, muted } = JSON.parse(stored ?? '{}');
    return {
      theme: theme === 'light' || theme === 'dark' ? theme : DEFAULTS.theme,
      ...((language === 'en' || language === 'zh') && { language }),
      notifications:
        notifications === 'personal' || notifications === 'all' ? notifications : DEFAULTS.notifications,
      sound: sound === true,
      muted: Array.isArray(muted)
        ? muted.filter((roomid) => typeof roomid === 'string').slice(-MAX_MUTED)
        : [],
    };
  } catch {
    return DEFAULTS;
  }
}
