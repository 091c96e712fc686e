import type { Server as Engine } from 'engine.io';
import type { Logger } from 'pino';
import { socketRoom } from '../../backend/socket-room.ts';
import { createPresenceThrottle } from '../../chat/presence-throttle.ts';
import type { Room } from '../../chat/room.ts';
import type { PresenceChange, PresenceEvent } from '../../chat/roster.ts';
import type { RoomGap } from '../../protocol/rooms.ts';
import type { ChatNamespace } from '../socket-types.ts';
import { openConnectionInternals } from '../transport/frame-write-check.ts';
import type { Connection, ConnectionInternals } from '../transport/private-members.ts';
import { createTurnEnd } from '../transport/turn-end.ts';
import { createWriteGathering } from '../transport/write-gathering.ts';
import { type ConnectionAnnouncer, createConnectionAnnouncer } from './connection-announcer.ts';
import { createFanout, type Fanout } from './fanout.ts';
import { createFlushPace } from './flush-pace.ts';
import { presenceMessage } from './messages.ts';
import { createRecipients } from './recipients.ts';

export interface DeliveryDeps {
  readonly of: (nsp: string) => ChatNamespace;
  readonly namespaces: readonly ChatNamespace[];
  readonly engine: Pick<Engine, 'on'>;
  /** The longest time messages of a room are gathered for one write. */
  readonly flushWindowMs: number;
  /** Which part of the time since the last call the event loop was busy, 0 to 1. */
  readonly utilization: () => number;
  readonly log: Logger;
}

/** What a worker's connections are told, and the ways it takes to their streams. */
export interface Delivery {
  readonly internals: ConnectionInternals;
  readonly fanout: Fanout;
  readonly announcer: ConnectionAnnouncer;
  /** Gathered like what is said: a room that fills up is told of everybody who comes. Of who comes and goes again and again, less. */
  deliverPresence(room: Room, told: PresenceChange | PresenceEvent): void;
  /** Messages of the room cannot be had any more. */
  deliverGap(room: Room, gap: Omit<RoomGap, 'roomid'>): void;
  close(): void;
}

export async function openDelivery(deps: DeliveryDeps): Promise<Delivery> {
  const { of, namespaces, engine, flushWindowMs, utilization, log } = deps;
  const now = () => performance.now();
  const internals = await openConnectionInternals({ log });
  const turnEnd = createTurnEnd();
  const gatherWrites = createWriteGathering(turnEnd);
  engine.on('flush', (connection: Connection) => {
    const stream = internals.streamOf(connection);
    if (stream) gatherWrites(stream);
  });
  const fanout = createFanout({
    recipientsOf: createRecipients({ of, internals }),
    pace: createFlushPace({ longestMs: flushWindowMs, now, utilization }),
    turnEnd,
    now,
  });
  const announcer = createConnectionAnnouncer({ namespaces, internals, nextTurn: setImmediate });
  const moves = createPresenceThrottle({
    deliver(room, { event, user }) {
      fanout.enqueue(room, { json: JSON.stringify(presenceMessage(event, room, user)) });
    },
    now,
  });
  return {
    internals,
    fanout,
    announcer,
    deliverPresence(room, told) {
      if ('event' in told) {
        moves.push(room, told);
        return;
      }
      const event = 'joins' in told ? 'presence:diff' : 'presence:count';
      fanout.enqueue(room, { event, json: JSON.stringify({ roomid: room.roomid, ...told }) });
    },
    deliverGap(room, gap) {
      fanout.flush(room);
      of(room.nsp)
        .local.to(socketRoom(room))
        .emit('room:gap', { roomid: room.roomid, ...gap });
    },
    close() {
      moves.close();
      announcer.close();
      fanout.close();
    },
  };
}
