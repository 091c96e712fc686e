import { inboxOf } from '../../chat/room.ts';
import { refuse, succeed } from '../../protocol/codes.ts';
import type { EventHandler } from '../context.ts';
import type { Session } from '../session.ts';

const inboxFor = ({ socket, user }: Session) => inboxOf(socket.nsp.name, user.id);

export const block: EventHandler<'block'> = {
  mode: 'inTurn',
  says: true,
  async run(session, { userId, on }, { blocks, limits }) {
    if (userId === session.user.id) return refuse('bad_request', 'userId: must be of somebody else');
    // Nobody but the guest of this moment may ever lift a guest's block.
    const keptS = session.identity.guestToken === undefined ? undefined : limits.inboxTtlS;
    const done = await blocks.set(inboxFor(session), userId, on, keptS);
    return done.ok ? succeed({}) : done;
  },
};

export const blocksList: EventHandler<'blocks:list'> = {
  mode: 'inTurn',
  async run(session, _payload, { blocks }) {
    const users = await blocks.list(inboxFor(session));
    return users.ok ? succeed({ users: users.value }) : users;
  },
};
