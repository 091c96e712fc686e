import { type ChatEvent, reduceChat } from '../room/chat-reducer.ts';
import { type ChatState, INITIAL_STATE } from '../room/chat-state.ts';
import { createStore, nextFrame, type Store } from '../ui/store.ts';
import { type Connection, openConnection } from './connection.ts';
import { roomAddress, type Visit, type VisitDeps, writeVisit } from './visit.ts';
import { createVisitStorage } from './visit-storage.ts';

/** One stay in one room. */
export interface Session {
  readonly visit: Visit;
  readonly store: Store<ChatState, ChatEvent>;
  readonly connection: Connection;
}

export function openSession(visit: Visit, memories: VisitDeps, socketPath: string): Session {
  const { username, roomid } = visit;
  writeVisit(visit, memories);
  history.replaceState(null, '', roomAddress(new URL(location.href), roomid));
  const store = createStore({ initial: INITIAL_STATE, reduce: reduceChat, nextFrame });
  const connection = openConnection({
    visit,
    url: location.origin,
    socketPath,
    store,
    storage: createVisitStorage(memories, { socketPath, username, roomid }),
    now: Date.now,
    elapsedMs: () => performance.now(),
    random: Math.random,
    onThrow: reportError,
  });
  return { visit, store, connection };
}
