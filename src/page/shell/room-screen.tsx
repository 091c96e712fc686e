import { useEffect, useMemo } from 'preact/hooks';
import { useTexts } from '../language/texts.ts';
import { RoomView } from '../room/room-view.tsx';
import type { RoomSession } from '../session/room-session.ts';
import { useStore } from '../ui/use-store.ts';
import { ConnectionBanner } from './connection-banner.tsx';
import { usePage } from './page.ts';
import { RoomHeader } from './room-header.tsx';
import { RoomState } from './room-state.tsx';

export function RoomScreen({ opened }: { opened: RoomSession }) {
  const { session, router, settings, toasts } = usePage();
  const { shell: texts } = useTexts();
  const { roomid, store, actions } = opened;
  const state = useStore(store);
  const { panel } = useStore(router.route);
  const { muted } = useStore(settings.value);
  const isMuted = muted.includes(roomid);
  const { me } = state;
  // Before the first hello all texts are the reader's own, so any id will do.
  const person = useMemo(
    () => ({
      userId: me?.id ?? '',
      username: me?.name ?? session.profile.username,
      avatar: me?.avatar ?? session.profile.avatar,
    }),
    [me, session],
  );

  useEffect(() => {
    session.show(roomid);
    return () => session.show(undefined);
  }, [session, roomid]);

  function leave(): void {
    const unsent = state.drafts.length;
    if (unsent > 0 && !window.confirm(texts.leaveUnsent(unsent))) return;
    void session.leave(roomid);
    const next = session.rooms.get()[0];
    router.replace(next ? { kind: 'room', roomid: next.roomid } : { kind: 'list' });
  }

  async function share(): Promise<void> {
    try {
      await navigator.clipboard.writeText(location.href);
      toasts.show({ title: texts.copied, text: location.href });
    } catch {
      // Without clipboard access people copy it from here.
      toasts.show({ title: texts.share, text: location.href });
    }
  }

  return (
    <>
      <RoomHeader
        roomid={roomid}
        connection={state.connection}
        users={state.users}
        muted={isMuted}
        membersOpen={panel !== undefined}
        onMembers={() => router.open(panel ? undefined : { kind: 'members' })}
        onShare={() => void share()}
        onMute={() =>
          settings.change({
            muted: isMuted ? muted.filter((other) => other !== roomid) : [...muted, roomid],
          })
        }
        onLeave={leave}
      />
      <ConnectionBanner connection={state.connection} onReconnect={session.reconnect} />
      {state.connection.phase === 'outside' || state.connection.phase === 'stopped' ? (
        <RoomState problem={state.connection.reason} onRetry={session.reconnect} onLeave={leave} />
      ) : (
        <RoomView key={roomid} store={store} actions={actions} me={person} />
      )}
    </>
  );
}
