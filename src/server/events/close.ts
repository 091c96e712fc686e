import type { EventHandler } from '../context.ts';

export const close: EventHandler<'close'> = {
  mode: 'inTurn',
  async run({ socket }, _payload, _context, answer) {
    answer({});
    // `disconnect`, not a closed engine: stock clients come back after the latter.
    socket.disconnect(true);
    return 'answered';
  },
};
