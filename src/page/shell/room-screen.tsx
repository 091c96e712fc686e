import { useMemo } from 'preact/hooks';
import { useLeaveGuard } from '../composer/leave-guard.ts';
import { useTexts } from '../language/texts.ts';
import { RoomView } from '../room/room-view.tsx';
import type { Session } from '../session/session.ts';
import { useStore } from '../ui/use-store.ts';
import { ConnectionBanner } from './connection-banner.tsx';
import { RoomHeader } from './room-header.tsx';
import { useTabTitle } from './tab-title.ts';

export function RoomScreen({ session, onLeave }: { session: Session; onLeave: () => void }) {
  const { shell: texts } = useTexts();
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
  useTabTitle(visit.roomid, state);
  useLeaveGuard(state.drafts.length > 0);

  function leave(): void {
    const unsent = state.drafts.length;
    if (unsent === 0 || window.confirm(texts.leaveUnsent(unsent))) onLeave();
  }

  return (
    <div class="room">
      <RoomHeader roomid={visit.roomid} connection={state.connection} users={state.users} onLeave={leave} />
      <ConnectionBanner connection={state.connection} onReconnect={connection.reconnect} />
      <RoomView store={store} actions={connection} me={person} />
    </div>
  );
}
