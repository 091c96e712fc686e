import type { EventHandler } from '../context.ts';

/** One request of a user with a thousand rooms costs the worker and the store as much as dozens of other events. */
const ROOMS_PER_EVENT = 20;

export const roomsMine: EventHandler<'rooms:mine'> = {
  mode: 'inTurn',
  async run(session, _payload, { readMarkers }) {
    const answer = await readMarkers.mine(session);
    if (answer.ok) {
      session.budget.traffic.charge(Math.floor(answer.value.rooms.length / ROOMS_PER_EVENT));
    }
    return answer;
  },
};
