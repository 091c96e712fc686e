import type { EventHandler } from '../context.ts';

export const close: EventHandler<'close'> = {
  mode: 'inTurn',
  async run({ socket, login }, _payload, _context, answer) {
    // Whoever asks any worker after the ack does not find the connection any more.
    await login?.uncount();
    answer({});
    // `disconnect`, not a closed engine: stock clients come back after the latter.
    socket.disconnect(true);
    return 'answered';
  },
};
