import type { Hello } from '../protocol/events.ts';
import { parseId } from '../protocol/names.ts';
import { withinLimits } from './call-options.ts';
import type { ChatClient, ClientEvents } from './chat-client.ts';
import { ClientError } from './client-error.ts';
import type { Connection } from './connection.ts';
import type { Emitter } from './emitter.ts';
import { onNetworkBack } from './network.ts';
import type { People } from './people.ts';
import type { RoomDriver } from './room-driver.ts';
import type { Rooms } from './rooms.ts';
import { createServerRequests } from './server-requests.ts';

export interface ClientParts {
  readonly connection: Connection;
  readonly people: People;
  readonly rooms: Rooms;
  readonly events: Emitter<ClientEvents>;
  readonly hello: () => Hello | undefined;
  readonly waiting: () => number;
}

/** The client as the application sees it. */
export function createClientFacade({
  connection,
  people,
  rooms,
  events,
  hello,
  waiting,
}: ClientParts): ChatClient {
  const stopWatching = onNetworkBack(connection.retryNow);
  let closed = false;

  function open(given: string, history: number | undefined): RoomDriver | ClientError {
    const roomid = parseId(given);
    if (roomid === undefined) return new ClientError('bad_request', 'roomid: not a room id');
    return closed ? new ClientError('closed', 'the client is closed') : rooms.open(roomid, history);
  }

  return {
    get state() {
      return connection.state();
    },
    get user() {
      return people.user;
    },
    get hello() {
      return hello();
    },
    get outbox() {
      return waiting();
    },
    on: events.on,
    join(roomid, { history, ...limits } = {}) {
      if (connection.state() === 'closed') {
        return Promise.reject(new ClientError('closed', 'the client is closed'));
      }
      // An abort of before the call opens no room.
      return withinLimits(limits, async () => {
        const room = open(roomid, history);
        if (room instanceof ClientError) throw room;
        return room.join(limits);
      });
    },
    enter(roomid, { history } = {}) {
      const room = open(roomid, history);
      if (room instanceof ClientError) throw room;
      return room.persist();
    },
    private: (to, text, given = {}) => people.private(to, text, given),
    todo: (to, data, given = {}) => people.todo(to, data, given),
    ...createServerRequests({ connection, requests: people }),
    inbox: people.inbox,
    receipts: people.receipts,
    blocks: people.blocks,
    login: (userId, options) => people.login(userId, options),
    reconnect() {
      rooms.rejoin();
      connection.reconnect();
    },
    close() {
      if (closed) return;
      closed = true;
      stopWatching();
      const error = new ClientError('closed', 'the client is closed');
      people.end(error);
      rooms.end(error);
      connection.close();
    },
  };
}
