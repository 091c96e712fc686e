import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Session } from '../session/session.ts';
import type { Router } from './route.ts';
import type { SettingsStore } from './settings.ts';
import type { Toasts } from './toasts.ts';

/** The things that every part of the page around a room works with. */
export interface Page {
  readonly session: Session;
  readonly router: Router;
  readonly settings: SettingsStore;
  readonly toasts: Toasts;
  /** Leaves all rooms, back to the first screen. */
  readonly signOut: () => void;
  readonly openSwitcher: () => void;
}

export const PageContext = createContext<Page | undefined>(undefined);

export function usePage(): Page {
  const page = useContext(PageContext);
  if (!page) throw new Error('used outside of the page');
  return page;
}
