import { useTexts } from '../language/texts.ts';
import { type InboxEntry, partnerOf } from '../session/inbox-state.ts';
import { useStore } from '../ui/use-store.ts';
import { BackButton } from './back-button.tsx';
import { itemText } from './item-text.ts';
import { usePage } from './page.ts';
import type { View } from './route.ts';

/** Everything that was sent to this person, the newest first. */
export function InboxScreen() {
  const { session } = usePage();
  const { shell: texts } = useTexts();
  const { entries, more } = useStore(session.inbox.store);
  const ownId = session.chat.user?.id;
  const received = entries.filter(({ from }) => from === undefined || from.id !== ownId).toReversed();
  return (
    <>
      <header class="room-header">
        <BackButton />
        <div class="room-title">
          <h1>{texts.inbox}</h1>
        </div>
        <button type="button" class="header-button" onClick={() => session.inbox.markRead(() => true)}>
          {texts.markAllRead}
        </button>
      </header>
      <main class="inbox">
        {received.length === 0 && <p class="empty">{texts.inboxEmpty}</p>}
        <ul aria-label={texts.inbox}>
          {received.map((entry) => (
            <li key={entry.id}>
              <Entry entry={entry} />
            </li>
          ))}
        </ul>
        {more && received.length > 0 && (
          <button type="button" class="earlier" onClick={() => void session.inbox.loadEarlier()}>
            {texts.loadEarlier}
          </button>
        )}
      </main>
    </>
  );
}

function Entry({ entry }: { entry: InboxEntry }) {
  const { session, router } = usePage();
  const { shell: texts, format } = useTexts();
  const view = viewOf(entry, session.chat.user?.id);
  const content = (
    <>
      <span class="inbox-kind">
        {texts.itemKinds[entry.kind]}
        {entry.from && <bdi> {texts.from(entry.from.name)}</bdi>}
        <time dateTime={new Date(entry.at).toISOString()}>{format.dayAndTime(entry.at)}</time>
      </span>
      <span class="inbox-text" dir="auto">
        {itemText(entry)}
      </span>
    </>
  );
  const looks = entry.unread ? 'inbox-entry unread' : 'inbox-entry';
  return (
    <button
      type="button"
      class={looks}
      onClick={() => {
        session.inbox.markRead(({ id }) => id === entry.id);
        if (view) router.go(view);
      }}
    >
      {content}
    </button>
  );
}

function viewOf(entry: InboxEntry, ownId: string | undefined): View | undefined {
  if (entry.kind === 'mention') return { kind: 'room', roomid: entry.data.roomid };
  const userId = partnerOf(entry, ownId);
  return userId === undefined ? undefined : { kind: 'person', userId };
}
