import { reduceChat } from './chat-reducer.ts';
import { type ChatEvent, type ChatState, INITIAL_STATE } from './chat-state.ts';
import { type Connection, openConnection } from './connection.ts';
import { createGuests } from './guests.ts';
import { newMessageId } from './message-id.ts';
import { createStore, nextFrame, type Store } from './store.ts';
import { createUnsentMemory } from './unsent.ts';
import { keepVisit, roomAddress, type Visit, type VisitDeps } from './visit.ts';

/** One stay in one room. */
export interface Session {
  readonly visit: Visit;
  readonly store: Store<ChatState, ChatEvent>;
  readonly connection: Connection;
}

export function openSession(visit: Visit, memories: VisitDeps, socketPath: string): Session {
  keepVisit(visit, memories);
  history.replaceState(null, '', roomAddress(new URL(location.href), visit.roomid));
  const store = createStore({ initial: INITIAL_STATE, reduce: reduceChat, nextFrame });
  const connection = openConnection({
    visit,
    url: location.origin,
    socketPath,
    store,
    guests: createGuests(memories.browser),
    unsent: createUnsentMemory(memories.tab, { socketPath, username: visit.username, roomid: visit.roomid }),
    newMessageId,
    now: Date.now,
    elapsedMs: () => performance.now(),
    random: Math.random,
    network: window,
  });
  return { visit, store, connection };
}
