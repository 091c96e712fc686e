import { refuse, succeed } from '../../protocol/codes.ts';
import { MAX_SIGNAL_BYTES } from '../../protocol/limits.ts';
import type { EventHandler } from '../context.ts';
import { memberIn, notJoined } from './room-access.ts';
import { volatileRefusal } from './volatile-refusal.ts';

export const signal: EventHandler<'signal'> = {
  mode: 'pipelined',
  free: true,
  signals: true,
  async run(session, { roomid = session.defaultRoom, name, data: json, to }, { enforcement, signals }) {
    const joined = memberIn(session, roomid, 'say');
    if (!joined.ok) return joined;
    if (json !== undefined && Buffer.byteLength(json) > MAX_SIGNAL_BYTES) {
      return refuse('too_large', `data: must not be longer than ${MAX_SIGNAL_BYTES} bytes as JSON`);
    }
    const { id: userId, name: username } = session.user;
    const refusal = await volatileRefusal(session, joined.value, enforcement);
    if (refusal) return refusal;
    if (session.memberships.get(roomid) !== joined.value) return notJoined(roomid);
    const data = json === undefined ? {} : { data: JSON.parse(json) as unknown };
    signals.send(
      session.socket,
      joined.value.room,
      { roomid, name, from: { userId, username }, ...data },
      to,
    );
    return succeed({});
  },
};
