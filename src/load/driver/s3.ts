import type { DialectModule } from './dialect-module.ts';

interface S3Message {
  readonly event?: string;
  readonly roomid?: string;
  readonly clientMsgId?: string;
  readonly data?: { readonly username?: string; readonly text?: string };
}

interface S3Refusal {
  readonly clientMsgId?: string;
  readonly error?: { readonly code?: string };
}

/**
 * The plain protocol of a chat with rooms on many processes: the handshake names the room, `join`, `say`, and one
 * event for all that comes. Everything goes through one channel for each room, so all members see one order. Roomcast
 * adds rooms, ids and refusals, which are compared if they are there.
 */
export const S3: DialectModule = {
  connect: (_url, { room }) => ({ query: { roomid: room } }),
  join: ({ name }) => ['join', { username: name }],
  say: ({ name }, text, id) => ['say', { text, type: 0, username: name, clientMsgId: id }],
  onMessage(name, [payload], client) {
    // Roomcast shows no join of someone who was there a moment ago, and tells the client itself.
    if (name === 'joined') return { joined: true };
    if (name === 'refused') {
      const { clientMsgId, error } = payload as S3Refusal;
      return clientMsgId === undefined ? undefined : { refused: error?.code ?? 'refused', id: clientMsgId };
    }
    if (name !== 'message') return undefined;
    const { event, roomid, clientMsgId, data } = payload as S3Message;
    if (event === 'join') return data?.username === client.name ? { joined: true } : undefined;
    if (event !== 'broadcast_say' || data?.text === undefined) return undefined;
    return { text: data.text, username: data.username, room: roomid, id: clientMsgId };
  },
  leave: () => undefined,
  promises: { joined: 'event', roomOrder: true },
};
