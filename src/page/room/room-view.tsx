import { useEffect, useMemo } from 'preact/hooks';
import type { Person } from '../../protocol/people.ts';
import type { ChatMessage } from '../../protocol/rooms.ts';
import { Composer } from '../composer/composer.tsx';
import { ComposerNote } from '../composer/composer-note.tsx';
import type { Store } from '../ui/store.ts';
import { useStore } from '../ui/use-store.ts';
import type { ChatEvent } from './chat-reducer.ts';
import type { ChatState } from './chat-state.ts';
import { FailedNote } from './failed-note.tsx';
import { MessageList } from './message-list.tsx';
import type { RoomActions } from './room-actions.ts';
import type { Timeline } from './timeline.ts';

export interface RoomViewProps {
  readonly store: Store<ChatState, ChatEvent>;
  readonly actions: RoomActions;
  readonly me: Person;
}

/** The inside of a room: its messages, who is writing, and the field. */
export function RoomView({ store, actions, me }: RoomViewProps) {
  const state = useStore(store);
  const { target, maxTextBytes } = state;
  useEffect(() => {
    const update = () => actions.attended(!document.hidden);
    update();
    document.addEventListener('visibilitychange', update);
    return () => {
      document.removeEventListener('visibilitychange', update);
      actions.attended(false);
    };
  }, [actions]);

  // A crowded room changes all the time, and the field with none of it.
  const composer = useMemo(
    () => (
      <Composer
        maxTextBytes={maxTextBytes}
        ownId={me.userId}
        fieldText={actions.field}
        followMembers={actions.members}
        target={target}
        onSay={actions.say}
        onEdit={(seq, text) => {
          actions.target(undefined);
          actions.request({ kind: 'edit', seq, text });
        }}
        onEndTarget={() => actions.target(undefined)}
        onEditLast={() => {
          const last = lastOwn(store.get().timeline, me.userId);
          if (!last) return;
          const { epoch, seq, data } = last;
          actions.target({ kind: 'edit', epoch, seq, text: data.text });
        }}
        onTyping={actions.typing}
      />
    ),
    [maxTextBytes, me.userId, actions, target, store],
  );

  return (
    <>
      <MessageList state={state} me={me} actions={actions} />
      {state.failed && (
        <FailedNote failed={state.failed} onRepeat={actions.request} onClose={actions.forgetFailure} />
      )}
      <ComposerNote mute={state.mute} typists={state.connection.phase === 'joined' ? state.typists : []} />
      {composer}
    </>
  );
}

function lastOwn(timeline: Timeline, ownId: string): ChatMessage | undefined {
  const last = timeline.findLast(
    (entry) => entry.kind === 'said' && !entry.message.deleted && entry.message.data.userId === ownId,
  );
  return last?.kind === 'said' ? last.message : undefined;
}
