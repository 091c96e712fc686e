import type { Socket } from 'socket.io-client';
import type { ClientToServer, ServerToClient } from '../../src/client/index.ts';

/** Compiles only if the types fit the stock client, and reject what the server does not take. Nothing runs it. */
export function checkTypes(socket: Socket<ServerToClient, ClientToServer>): void {
  socket.on('message', (message) => {
    if (message.event === 'broadcast_say') socket.emit('react', { seq: message.seq, reaction: '👍' });
  });
  socket.on('room:gap', ({ from, to }) => from + to);
  socket.emit('join', { roomid: 'tea', username: 'Ann' }, (answer) => {
    if (answer.ok) answer.messages.at(0);
    else answer.error.code.startsWith('bad');
  });
  socket.emit('leave');
  socket.emit('textmsg', 'hello');
  socket.emit('textmsg', { name: 'Ann', content: 'hello' });
  socket.emit('todo', { receiver_id: 7, anything: [1] });
  socket.emit('say', { text: 'hello' }, (answer) => {
    // @ts-expect-error: a position has no text.
    if (answer.ok) answer.text.toUpperCase();
  });

  // @ts-expect-error: there is no such event.
  socket.emit('shout', { text: 'hello' });
  // @ts-expect-error: a text is a string.
  socket.emit('say', { text: 5 });
  // @ts-expect-error: a room id is a string or a whole number.
  socket.emit('say', { text: 'hello', roomid: {} });
  // @ts-expect-error: an edit names its message.
  socket.emit('edit', { text: 'hello' });
  // @ts-expect-error: a private message has a text.
  socket.emit('private');
  // @ts-expect-error: there is no such action.
  socket.emit('moderate', { action: 'shout', userId: 'bob' });
  // @ts-expect-error: a todo names its receiver.
  socket.emit('todo', { anything: 1 });
  // @ts-expect-error: the server sends no such event.
  socket.on('shouted', () => undefined);
}
