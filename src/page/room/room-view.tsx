import { useCallback } from 'preact/hooks';
import type { Person } from '../../protocol/people.ts';
import { Composer } from '../composer/composer.tsx';
import { ComposerNote } from '../composer/composer-note.tsx';
import type { Store } from '../ui/store.ts';
import { useStore } from '../ui/use-store.ts';
import type { ChatEvent } from './chat-reducer.ts';
import type { ChatState } from './chat-state.ts';
import { MessageList } from './message-list.tsx';
import type { RoomActions } from './room-actions.ts';

export interface RoomViewProps {
  readonly store: Store<ChatState, ChatEvent>;
  readonly actions: RoomActions;
  readonly me: Person;
}

/** The inside of a room: its messages, who is writing, and the field. */
export function RoomView({ store, actions, me }: RoomViewProps) {
  const state = useStore(store);
  const onFollowing = useCallback(
    (following: boolean) => store.dispatch({ type: 'following', following }),
    [store],
  );
  return (
    <>
      <MessageList
        state={state}
        me={me}
        onEarlier={actions.loadEarlier}
        onFollowing={onFollowing}
        onRetry={actions.retry}
        onDiscard={actions.discard}
      />
      <ComposerNote mute={state.mute} typists={state.connection.phase === 'joined' ? state.typists : []} />
      <Composer
        maxTextBytes={state.maxTextBytes}
        restored={state.typed}
        onSay={actions.say}
        onTyped={actions.typed}
      />
    </>
  );
}
