import { ClientError, type PersistentRoom } from '../../client/index.ts';
import type { Problem } from '../language/problems.ts';
import type { Store } from '../ui/store.ts';
import type { ChatEvent } from './chat-reducer.ts';
import type { ChatState } from './chat-state.ts';
import { isOwnReaction } from './own-reactions.ts';
import { messageOf } from './quotes.ts';
import type { MessageRequest } from './requests.ts';
import type { RoomActions } from './room-actions.ts';

export interface MessageRequestsDeps {
  readonly room: Pick<PersistentRoom, 'edit' | 'delete' | 'react'>;
  readonly store: Store<ChatState, ChatEvent>;
  readonly problemOf: (error: ClientError) => Problem;
}

/** The changes of messages that the reader asks for. */
export function createMessageRequests({
  room,
  store,
  problemOf,
}: MessageRequestsDeps): Pick<RoomActions, 'request' | 'react' | 'forgetFailure'> {
  const { dispatch } = store;

  async function send(request: MessageRequest): Promise<void> {
    const { seq } = request;
    if (request.kind === 'edit') await room.edit(seq, { text: request.text });
    else if (request.kind === 'delete') await room.delete(seq);
    else {
      const { reaction, on } = request;
      await room.react(seq, reaction, on);
      dispatch({ type: 'ownReaction', seq, reaction, on });
    }
  }

  function request(asked: MessageRequest): void {
    dispatch({ type: 'requestFailed', failed: undefined });
    send(asked).catch((error: unknown) => {
      if (!(error instanceof ClientError)) throw error;
      dispatch({ type: 'requestFailed', failed: { request: asked, problem: problemOf(error) } });
    });
  }

  return {
    request,
    react(seq, reaction) {
      const state = store.get();
      const message = messageOf(state.timeline, seq);
      const known = message?.reactions?.find((one) => one.reaction === reaction);
      const on = !(known && isOwnReaction(state.ownReactions, seq, known, state.me?.id ?? ''));
      request({ kind: 'react', seq, reaction, on });
    },
    forgetFailure: () => dispatch({ type: 'requestFailed', failed: undefined }),
  };
}
