/** The words of the stock server beside this file, for `roomcast load --dialect`. */

export function connect(_url, { room, name }) {
  return { query: { roomid: room, username: name } };
}

export function join() {
  return ['join', {}];
}

export function say(_client, text, id) {
  return ['say', { text, clientMsgId: id }];
}

export function onMessage(event, [message]) {
  if (event !== 'message' || message.event !== 'broadcast_say') return undefined;
  const { roomid, clientMsgId, data } = message;
  return { room: roomid, id: clientMsgId, username: data.username, text: data.text };
}

export function leave() {
  return ['leave', {}];
}

/** Two workers deliver their own copies first, so only the messages of one sender keep their order. */
export const promises = { joined: 'ack', acks: true };
