import type { EventHandler } from '../context.ts';

export const close: EventHandler<'close'> = {
  mode: 'inTurn',
  free: true,
  async run({ socket, binding, memberships }, _payload, { fanout }, answer) {
    // Read-your-writes: after the ack, no worker counts the connection.
    await binding?.uncount();
    // Pending messages leave before the ack.
    for (const { room } of memberships.values()) fanout.flush(room);
    answer({});
    // `disconnect`, not a closed engine: stock clients reconnect after the latter.
    socket.disconnect(true);
    return 'answered';
  },
};
