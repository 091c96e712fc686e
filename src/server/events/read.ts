import type { EventHandler } from '../context.ts';
import { denied } from './room-access.ts';

export const read: EventHandler<'room:read'> = {
  mode: 'inTurn',
  async run(session, { roomid = session.defaultRoom, seq }, { readMarkers }) {
    return denied(session, roomid, 'read') ?? readMarkers.read(session, roomid, seq);
  },
};
