import type { EventHandler } from '../context.ts';

export const close: EventHandler<'close'> = {
  mode: 'inTurn',
  free: true,
  async run({ socket, binding, memberships }, _payload, { fanout }, answer) {
    // Whoever asks any worker after the ack does not find the connection any more.
    await binding?.uncount();
    // What was gathered before it.
    for (const { room } of memberships.values()) fanout.flush(room);
    answer({});
    // `disconnect`, not a closed engine: stock clients come back after the latter.
    socket.disconnect(true);
    return 'answered';
  },
};
