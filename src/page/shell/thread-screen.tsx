import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { Composer } from '../composer/composer.tsx';
import { describeDraftProblem } from '../language/problems.ts';
import { useTexts } from '../language/texts.ts';
import { type PrivateDraft, partnerOf, threadsOf } from '../session/inbox-state.ts';
import { peopleOf } from '../session/presence.ts';
import { MessageText } from '../text/message-text.tsx';
import { Avatar } from '../ui/avatar.tsx';
import { useStore } from '../ui/use-store.ts';
import { BackButton } from './back-button.tsx';
import { BlockButton, BlockedNote } from './block-button.tsx';
import { itemText } from './item-text.ts';
import { usePage } from './page.ts';

/** A private thread has nobody to mention. */
const nobody = () => () => undefined;

/** The private messages with one person. */
export function ThreadScreen({ userId }: { userId: string }) {
  const { session } = usePage();
  const { shell: texts, format } = useTexts();
  const state = useStore(session.inbox.store);
  const online = peopleOf(useStore(session.presence.members)).get(userId);
  const ownId = session.chat.user?.id;
  const list = useRef<HTMLDivElement>(null);
  const thread = threadsOf(state, ownId, () => undefined).find(({ user }) => user.id === userId);
  const user = online
    ? { id: userId, name: online.username, avatar: online.avatar }
    : (thread?.user ?? { id: userId, name: userId });
  const { messages = [], drafts = [], unread = 0 } = thread ?? {};

  useEffect(() => {
    function read(): void {
      if (!document.hidden) session.inbox.markRead((entry) => partnerOf(entry, ownId) === userId);
    }
    if (unread > 0) read();
    document.addEventListener('visibilitychange', read);
    return () => document.removeEventListener('visibilitychange', read);
  }, [session, ownId, userId, unread]);

  const count = messages.length + drafts.length;
  useLayoutEffect(() => {
    if (list.current && count > 0) list.current.scrollTop = list.current.scrollHeight;
  }, [count]);

  return (
    <>
      <header class="room-header">
        <BackButton />
        <Avatar userId={user.id} username={user.name} avatar={user.avatar} />
        <div class="room-title">
          <h1>
            <bdi>{user.name}</bdi>
          </h1>
          <p class="connection-state">{online ? texts.online : texts.onlyYouTwo}</p>
        </div>
        {userId !== ownId && <BlockButton userId={userId} look="text-button" />}
      </header>
      <main class="thread" ref={list}>
        <BlockedNote userId={userId} />
        {count === 0 && <p class="empty">{texts.noMessages}</p>}
        <ol aria-label={texts.itemKinds.private} aria-live="polite">
          {messages.map((message) => (
            <li key={message.id} class={message.from?.id === ownId ? 'thread-message own' : 'thread-message'}>
              <p class="thread-by">
                <bdi>{message.from?.name}</bdi>{' '}
                <time dateTime={new Date(message.at).toISOString()} title={format.moment(message.at)}>
                  {format.clock(message.at)}
                </time>
              </p>
              <MessageText text={itemText(message)} />
            </li>
          ))}
          {drafts.map((draft) => (
            <DraftItem key={draft.clientMsgId} draft={draft} />
          ))}
        </ol>
      </main>
      <Composer
        key={userId}
        maxTextBytes={session.chat.hello?.limits.maxTextBytes ?? 8192}
        ownId={ownId ?? ''}
        fieldText={session.threadField(userId)}
        followMembers={nobody}
        onSay={(text) => session.inbox.send(userId, text)}
        onTyping={() => undefined}
      />
    </>
  );
}

function DraftItem({ draft: { clientMsgId, text, problem } }: { draft: PrivateDraft }) {
  const { session } = usePage();
  const language = useTexts();
  const { room: texts } = language;
  return (
    <li class={problem ? 'thread-message own failed' : 'thread-message own'}>
      <MessageText text={text} />
      {problem ? (
        <p class="draft-state" role="alert">
          <span>{describeDraftProblem(language, problem)}</span>{' '}
          <button type="button" class="text-button" onClick={() => session.inbox.retry(clientMsgId)}>
            {texts.retry}
          </button>{' '}
          <button type="button" class="text-button" onClick={() => session.inbox.discard(clientMsgId)}>
            {texts.discard}
          </button>
        </p>
      ) : (
        <p class="draft-state">{texts.sending}</p>
      )}
    </li>
  );
}
