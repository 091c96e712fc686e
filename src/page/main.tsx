import './styles/index.css';
import { render } from 'preact';
import { createLanguage, LanguageContext, preferredLanguage } from './language/texts.ts';
import { createMemory } from './session/memory.ts';
import { openSession } from './session/session.ts';
import { openUnsentCopies } from './session/unsent-tab.ts';
import { endVisit, readArrival } from './session/visit.ts';
import { App } from './shell/app.tsx';
import { RecentEmojiContext } from './text/emoji/recent-emoji.ts';

const [browser, tab] = [createMemory(() => localStorage), createMemory(() => sessionStorage)];
const copies = openUnsentCopies(browser, tab);
const memories = { browser, tab, copies };
const socketPath =
  document.querySelector<HTMLMetaElement>('meta[name="roomcast-socket-path"]')?.content || '/socket.io/';

const language = createLanguage(preferredLanguage(navigator.languages), navigator.languages);
const root = document.getElementById('app');
if (root) {
  render(
    <LanguageContext.Provider value={language}>
      <RecentEmojiContext.Provider value={memories.browser}>
        <App
          arrival={readArrival(new URL(location.href), memories)}
          open={(visit) => openSession(visit, memories, socketPath)}
          leave={({ visit, connection }) => {
            connection.close();
            endVisit(memories);
            document.title = 'Roomcast';
            return visit;
          }}
        />
      </RecentEmojiContext.Provider>
    </LanguageContext.Provider>,
    root,
  );
}
