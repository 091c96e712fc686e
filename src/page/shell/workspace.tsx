import { useEffect, useState } from 'preact/hooks';
import { useLeaveGuard } from '../composer/leave-guard.ts';
import { useTexts } from '../language/texts.ts';
import { unreadNotices } from '../session/inbox.ts';
import type { Session } from '../session/session.ts';
import { useStore } from '../ui/use-store.ts';
import { HelpDialog } from './help-dialog.tsx';
import { InboxScreen } from './inbox-screen.tsx';
import { MemberPanel } from './member-panel.tsx';
import { type Page, PageContext } from './page.ts';
import { RoomScreen } from './room-screen.tsx';
import { Sidebar } from './sidebar.tsx';
import { SignIn } from './sign-in.tsx';
import { Switcher } from './switcher.tsx';
import { ThreadScreen } from './thread-screen.tsx';
import { ToastList } from './toast-list.tsx';

export interface WorkspaceProps extends Omit<Page, 'openSwitcher'> {
  /** A token for a new session, after the server refused the one before or none. */
  readonly onToken: (token: string) => void;
  /** The server keeps the name of this session for others. */
  readonly onReservedName: () => void;
}

/** The page of a person who is in: where to go, what is there, and who. */
export function Workspace({ onToken, onReservedName, ...props }: WorkspaceProps) {
  const { session, router } = props;
  const { shell: texts } = useTexts();
  const [switching, setSwitching] = useState(false);
  const [helping, setHelping] = useState(false);
  const { view, panel } = useStore(router.route);
  const rooms = useStore(session.rooms);
  const { degraded, refusal } = useStore(session.status);
  const tokenWanted = useStore(session.tokens.wanted);
  const [later, setLater] = useState(false);
  // A wide screen shows the list beside the room of before.
  const shown = view.kind === 'list' ? rooms[0]?.roomid : view.kind === 'room' ? view.roomid : undefined;
  const opened = rooms.find(({ roomid }) => roomid === shown);
  useLeaveGuard(useUnsent(session));
  useUnreadTitle(props, view.kind === 'inbox' ? texts.inbox : shown);

  useEffect(() => {
    function onKeyDown(event: KeyboardEvent): void {
      if (event.key === '?' && !isWriting(event.target)) setHelping(true);
      if (event.key.toLowerCase() !== 'k' || !(event.ctrlKey || event.metaKey) || event.altKey) return;
      event.preventDefault();
      setSwitching(true);
    }
    document.addEventListener('keydown', onKeyDown);
    return () => document.removeEventListener('keydown', onKeyDown);
  }, []);

  useEffect(() => {
    if (refusal?.code === 'reserved') onReservedName();
  }, [refusal?.code]);

  // A link inside the page, Back, or a row of the inbox may lead to a room that is not entered yet.
  useEffect(() => {
    if (view.kind === 'room') session.enter(view.roomid);
  }, [session, view]);

  if (refusal?.code === 'unauthorized') {
    return (
      <main class="entry">
        <SignIn onToken={onToken} />
      </main>
    );
  }
  return (
    <PageContext.Provider value={{ ...props, openSwitcher: () => setSwitching(true) }}>
      <div class={`workspace view-${view.kind}${panel && opened ? ' with-panel' : ''}`}>
        <Sidebar />
        <section class="centre">
          {degraded && (
            <p class="banner" role="status">
              {texts.degraded}
            </p>
          )}
          {view.kind === 'person' && <ThreadScreen key={view.userId} userId={view.userId} />}
          {view.kind === 'inbox' && <InboxScreen />}
          {shown !== undefined && opened && <RoomScreen key={shown} opened={opened} />}
          {view.kind === 'list' && !opened && (
            <main class="state-screen">
              <h2>{texts.chooseRoom}</h2>
              <button type="button" class="primary" onClick={() => setSwitching(true)}>
                {texts.addRoom}
              </button>
            </main>
          )}
        </section>
        {opened && <MemberPanel opened={opened} />}
      </div>
      <ToastList />
      {switching && <Switcher onClose={() => setSwitching(false)} />}
      {helping && <HelpDialog onClose={() => setHelping(false)} />}
      {tokenWanted && !later && (
        <div class="sign-in-again">
          <SignIn onToken={session.tokens.give} onLater={() => setLater(true)} />
        </div>
      )}
    </PageContext.Provider>
  );
}

/** True: something that the reader wrote is not stored yet, in whatever room or thread. */
function useUnsent(session: Session): boolean {
  const rooms = useStore(session.rooms);
  const [unsent, setUnsent] = useState(false);
  useEffect(() => {
    const stores = [...rooms.map(({ store }) => store), session.inbox.store];
    const look = () => setUnsent(stores.some((store) => store.get().drafts.length > 0));
    const stops = stores.map((store) => store.subscribe(look));
    look();
    return () => {
      for (const stop of stops) stop();
    };
  }, [session, rooms]);
  return unsent;
}

function isWriting(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches('input, textarea, [contenteditable]');
}

/** The tab's title: what is shown, and how much is unread that is not muted. */
function useUnreadTitle(
  { session, settings }: Pick<Page, 'session' | 'settings'>,
  shown: string | undefined,
): void {
  const unread = useStore(session.unread);
  const { entries } = useStore(session.inbox.store);
  const { muted } = useStore(settings.value);
  let count = unreadNotices(entries, session.chat.user?.id);
  count += entries.filter((entry) => entry.kind === 'private' && entry.unread).length;
  for (const [roomid, { messages }] of unread) if (!muted.includes(roomid)) count += messages;
  useEffect(() => {
    const name = shown === undefined ? 'Roomcast' : `${shown} · Roomcast`;
    document.title = count > 0 ? `(${count}) ${name}` : name;
  }, [shown, count]);
}
