import type { EventHandler } from '../context.ts';

export const mine: EventHandler<'rooms:mine'> = {
  mode: 'inTurn',
  run: (session, _payload, { roomMarks }) => roomMarks.mine(session),
};
