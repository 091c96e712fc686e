import { useCallback, useMemo } from 'preact/hooks';
import { Composer } from './composer.tsx';
import { ComposerNote } from './composer-note.tsx';
import { ConnectionBanner } from './connection-banner.tsx';
import { MessageList } from './message-list.tsx';
import { RoomHeader } from './room-header.tsx';
import type { Session } from './session.ts';
import { useTabTitle } from './tab-title.ts';
import { useStore } from './use-store.ts';

export function RoomView({ session, onLeave }: { session: Session; onLeave: () => void }) {
  const { visit, store, connection } = session;
  const state = useStore(store);
  const { me } = state;
  // Before the first hello all texts are the reader's own, so any id will do.
  const person = useMemo(
    () => ({
      userId: me?.id ?? '',
      username: me?.name ?? visit.username,
      avatar: me?.avatar ?? visit.avatar,
    }),
    [me, visit],
  );
  const onFollowing = useCallback(
    (following: boolean) => store.dispatch({ type: 'following', following }),
    [store],
  );
  useTabTitle(visit.roomid, state);

  function leave(): void {
    const unsent = state.drafts.length;
    const question = `${unsent === 1 ? 'A message has' : `${unsent} messages have`} not been sent yet. Leave anyway?`;
    if (unsent === 0 || window.confirm(question)) onLeave();
  }

  return (
    <div class="room">
      <RoomHeader roomid={visit.roomid} connection={state.connection} users={state.users} onLeave={leave} />
      <ConnectionBanner connection={state.connection} onReconnect={connection.reconnect} />
      <MessageList
        state={state}
        me={person}
        onEarlier={connection.loadEarlier}
        onFollowing={onFollowing}
        onRetry={connection.retry}
        onDiscard={connection.discard}
      />
      <ComposerNote mute={state.mute} typists={state.connection.phase === 'joined' ? state.typists : []} />
      <Composer
        maxTextBytes={state.maxTextBytes}
        restored={state.typed}
        onSay={connection.say}
        onTyped={connection.typed}
      />
    </div>
  );
}
