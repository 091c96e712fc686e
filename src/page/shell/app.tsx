import { useEffect, useState } from 'preact/hooks';
import { type Language, LanguageContext } from '../language/texts.ts';
import type { Session } from '../session/session.ts';
import type { Arrival, Visit } from '../session/visit.ts';
import type { Value } from '../ui/store.ts';
import { useStore } from '../ui/use-store.ts';
import { EntryForm } from './entry-form.tsx';
import type { Router } from './route.ts';
import type { SettingsStore } from './settings.ts';
import type { Toasts } from './toasts.ts';
import { Workspace } from './workspace.tsx';

export interface AppProps {
  readonly arrival: Arrival;
  readonly router: Router;
  readonly settings: SettingsStore;
  readonly toasts: Toasts;
  readonly language: Value<Language>;
  readonly open: (visit: Visit) => Session;
  /** Ends the session; returns the initial values of the first screen. */
  readonly end: (session: Session) => Arrival;
}

export function App({ arrival, router, settings, toasts, language: chosen, open, end }: AppProps) {
  const [start, setStart] = useState(arrival);
  const [session, setSession] = useState(() => arrival.visit && open(arrival.visit));
  const { theme } = useStore(settings.value);
  const language = useStore(chosen);
  useTheme(theme);
  useEffect(() => {
    document.documentElement.lang = language.name === 'zh' ? 'zh-CN' : 'en';
  }, [language]);

  return (
    <LanguageContext.Provider value={language}>
      {session ? (
        <Workspace
          session={session}
          router={router}
          settings={settings}
          toasts={toasts}
          signOut={() => {
            setStart(end(session));
            setSession(undefined);
          }}
          onReservedName={() => {
            const token = session.tokens.newest();
            setStart({ ...end(session), reservedName: session.profile.username, token });
            setSession(undefined);
          }}
          onToken={(token) => {
            const { profile, rooms } = session;
            const visit = { profile, rooms: rooms.get().map(({ roomid }) => ({ roomid })), token };
            void session.close();
            setSession(open(visit));
          }}
        />
      ) : (
        <EntryForm arrival={start} onEnter={(visit) => setSession(open({ token: start.token, ...visit }))} />
      )}
    </LanguageContext.Provider>
  );
}

/** The colours of the page follow the setting, or the system's. */
function useTheme(theme: 'auto' | 'light' | 'dark'): void {
  useEffect(() => {
    const dark = matchMedia('(prefers-color-scheme: dark)');
    function apply(): void {
      document.documentElement.dataset.theme = theme === 'auto' ? (dark.matches ? 'dark' : 'light') : theme;
    }
    apply();
    dark.addEventListener('change', apply);
    return () => dark.removeEventListener('change', apply);
  }, [theme]);
}
