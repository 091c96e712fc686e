import './styles/index.css';
import { render } from 'preact';
import { createMemory } from './session/memory.ts';
import { openSession, type Session } from './session/session.ts';
import { openUnsentCopies } from './session/unsent-tab.ts';
import { endVisit, readArrival, type Visit, writeVisit } from './session/visit.ts';
import { createVisitStorage } from './session/visit-storage.ts';
import { createAlerts } from './shell/alerts.ts';
import { App } from './shell/app.tsx';
import { openLanguage } from './shell/open-language.ts';
import { createRouter } from './shell/route.ts';
import { createSettings } from './shell/settings.ts';
import { beep, notify } from './shell/system-alerts.ts';
import { createToasts } from './shell/toasts.ts';
import { RecentEmojiContext } from './text/emoji/recent-emoji.ts';
import { createPictures, PicturesContext } from './ui/pictures.ts';
import { nextFrame } from './ui/store.ts';

const [browser, tab] = [createMemory(() => localStorage), createMemory(() => sessionStorage)];
const copies = openUnsentCopies(browser, tab);
const memories = { browser, tab, copies };
const metaNamed = (name: string) => document.querySelector<HTMLMetaElement>(`meta[name="${name}"]`)?.content;
const socketPath = metaNamed('roomcast-socket-path') || '/socket.io/';
const pictureOf = createPictures(metaNamed('roomcast-avatar-origins') ?? '');
const address = () => new URL(location.href);
const isVisible = () => !document.hidden;
const isPhone = () => matchMedia('(max-width: 699px)').matches;

const arrival = readArrival(address(), memories);
const router = createRouter({ history, address, isPhone, nextFrame });
const settings = createSettings(memories.browser, nextFrame);
const toasts = createToasts(nextFrame);
const language = await openLanguage({
  chosen: () => settings.value.get().language,
  onChange: settings.value.subscribe,
  locales: navigator.languages,
  nextFrame,
});
const alert = createAlerts({
  settings: settings.value.get,
  language: language.get,
  view: () => router.route.get().view,
  isVisible,
  toasts,
  notify: (title, body, view) => notify(title, body, () => router.go(view)),
  beep,
});
let session: Session | undefined;

function open(visit: Visit): Session {
  const { profile, rooms, token } = visit;
  const { username } = profile;
  let written = visit;
  const opened = openSession({
    profile,
    rooms,
    token,
    url: location.origin,
    socketPath,
    storage: createVisitStorage(memories, { socketPath, username }),
    fieldStorage: (roomid) => createVisitStorage(memories, { socketPath, username, roomid }),
    isVisible,
    now: Date.now,
    elapsedMs: () => performance.now(),
    random: Math.random,
    newId: () => crypto.getRandomValues(new Uint32Array(4)).join('-'),
    nextFrame,
    onRooms(now) {
      written = { ...written, rooms: now };
      writeVisit(written, memories);
    },
    onToken(now) {
      written = { ...written, token: now };
      writeVisit(written, memories);
    },
    onThrow: reportError,
  });
  opened.onNews(alert);
  session = opened;
  const { view } = router.route.get();
  const first = rooms[0];
  if (first && (view.kind === 'list' || view.kind === 'room')) {
    // Back from the room leads to the list, which only a phone shows by itself.
    if (isPhone() && history.length <= 2) {
      router.replace({ kind: 'list' });
      router.go({ kind: 'room', roomid: first.roomid });
    } else router.replace({ kind: 'room', roomid: first.roomid });
  } else router.replace(view);
  return opened;
}

addEventListener('popstate', ({ state }) => router.popped(state));
document.addEventListener('visibilitychange', () => {
  if (isVisible()) session?.look();
});

if (address().searchParams.get('embed') === '1') document.documentElement.dataset.embed = 'on';

const root = document.getElementById('app');
if (root) {
  render(
    <RecentEmojiContext.Provider value={browser}>
      <PicturesContext.Provider value={pictureOf}>
        <App
          arrival={arrival}
          router={router}
          settings={settings}
          toasts={toasts}
          language={language}
          open={open}
          end={(ended) => {
            const { profile, rooms } = ended;
            const roomid = rooms.get()[0]?.roomid ?? arrival.roomid;
            void ended.close();
            endVisit(memories);
            session = undefined;
            router.replace({ kind: 'room', roomid });
            document.title = 'Roomcast';
            return { ...profile, roomid };
          }}
        />
      </PicturesContext.Provider>
    </RecentEmojiContext.Provider>,
    root,
  );
}
