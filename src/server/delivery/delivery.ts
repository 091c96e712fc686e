import type { IncomingMessage } from 'node:http';
import type { Server as Engine } from 'engine.io';
import type { Logger } from 'pino';
import { socketRoom } from '../../backend/socket-room.ts';
import { createPresenceThrottle } from '../../chat/presence-throttle.ts';
import type { Room } from '../../chat/room.ts';
import type { PresenceChange, PresenceEvent } from '../../chat/roster.ts';
import type { Saturation } from '../../cluster/saturation.ts';
import type { RoomGap } from '../../protocol/rooms.ts';
import type { Sized } from '../../sizes.ts';
import type { ChatNamespace } from '../socket-types.ts';
import { openConnectionInternals } from '../transport/frame-write-check.ts';
import type { Connection, ConnectionInternals } from '../transport/private-members.ts';
import { createTurnEnd } from '../transport/turn-end.ts';
import { createWriteGathering } from '../transport/write-gathering.ts';
import { type ConnectionAnnouncer, createConnectionAnnouncer } from './connection-announcer.ts';
import { createFanout, type Fanout, type FanoutDeps } from './fanout.ts';
import { presenceMessage } from './messages.ts';
import { createRecipients } from './recipients.ts';

export interface DeliveryDeps {
  readonly of: (nsp: string) => ChatNamespace;
  readonly namespaces: readonly ChatNamespace[];
  readonly engine: Pick<Engine, 'on'>;
  /** The longest time messages of a room are gathered for one write. */
  readonly flushWindowMs: number;
  readonly saturation: Saturation;
  readonly onFlush: FanoutDeps['onFlush'];
  readonly log: Logger;
}

/** The services that send events to a worker's connections. */
export interface Delivery {
  readonly internals: ConnectionInternals;
  readonly fanout: Fanout;
  readonly announcer: ConnectionAnnouncer;
  /** Batches presence like messages, and rate-limits `join` and `quit` with `PresenceThrottle`. */
  deliverPresence(room: Room, change: PresenceChange | PresenceEvent): void;
  /** Sends `room:gap` for messages that the log has lost. */
  deliverGap(room: Room, gap: Omit<RoomGap, 'roomid'>): void;
  close(): void;
}

export async function openDelivery(deps: DeliveryDeps): Promise<Delivery & Sized> {
  const { of, namespaces, engine, flushWindowMs, saturation, onFlush, log } = deps;
  const now = () => performance.now();
  const internals = await openConnectionInternals({ log });
  const turnEnd = createTurnEnd();
  const gatherWrites = createWriteGathering(turnEnd);
  function gatherWritesTo(connection: Connection): void {
    const stream = internals.streamOf(connection);
    if (stream) gatherWrites(stream);
  }
  engine.on('flush', gatherWritesTo);
  // The switch to WebSocket leaves together with Engine.IO's first packet.
  engine.on('initial_headers', (_headers: unknown, { headers, socket }: IncomingMessage) => {
    if (headers.upgrade !== undefined) gatherWrites(socket);
  });
  const recipients = createRecipients({ of, internals });
  const fanout = createFanout({
    recipientsOf: recipients.of,
    windowMs: () => flushWindowMs * saturation.level(),
    onSpared: saturation.spared,
    turnEnd,
    now,
    onFlush,
  });
  const announcer = createConnectionAnnouncer({
    namespaces,
    internals,
    gatherWrites: gatherWritesTo,
    nextTurn: setImmediate,
  });
  const presenceThrottle = createPresenceThrottle({
    deliver(room, { event, user }) {
      fanout.enqueue(room, { json: JSON.stringify(presenceMessage(event, room, user)), isPresence: true });
    },
    now,
  });
  return {
    sizes: () => ({
      fanout: fanout.sizes(),
      recipients: recipients.sizes(),
      announcer: announcer.sizes(),
      presenceThrottle: presenceThrottle.sizes(),
    }),
    internals,
    fanout,
    announcer,
    deliverPresence(room, change) {
      if ('event' in change) {
        presenceThrottle.push(room, change);
        return;
      }
      const event = 'joins' in change ? 'presence:diff' : 'presence:count';
      const json = JSON.stringify({ roomid: room.roomid, ...change });
      fanout.enqueue(room, { event, json, isPresence: true });
    },
    deliverGap(room, gap) {
      fanout.flush(room);
      of(room.nsp)
        .local.to(socketRoom(room))
        .emit('room:gap', { roomid: room.roomid, ...gap });
    },
    close() {
      presenceThrottle.close();
      announcer.close();
      fanout.close();
    },
  };
}
