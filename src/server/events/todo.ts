import { dedupeScope } from '../../chat/identity.ts';
import { refuse } from '../../protocol/codes.ts';
import { JSON_BYTES_PER_TEXT_BYTE } from '../../protocol/limits.ts';
import type { EventHandler } from '../context.ts';
import { senderOf } from './private.ts';

export const todo: EventHandler<'todo'> = {
  mode: 'pipelined',
  says: true,
  stores: 1,
  async run(session, { to, clientMsgId, json }, { directMessages, limits }) {
    const { socket, identity, user: from } = session;
    const maxBytes = limits.maxTextBytes * JSON_BYTES_PER_TEXT_BYTE;
    if (Buffer.byteLength(json) > maxBytes) {
      return refuse('too_large', `todo: must not be longer than ${maxBytes} bytes as JSON`);
    }
    const message = {
      nsp: socket.nsp.name,
      from,
      to,
      scope: dedupeScope(identity),
      clientMsgId,
    };
    return directMessages.sendTodo(message, json, senderOf(session));
  },
};
