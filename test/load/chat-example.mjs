/** The chat of Socket.IO's tutorial (socket.io/docs/v4/tutorial) for `roomcast load --dialect`. It has one room. */

/** The handshake of a client: query, auth, namespace, headers. */
export function connect(_url, client) {
  return { auth: { username: client.name } };
}

/** The event that a client enters its room with. Whoever is connected to this chat is in it. */
export function join(_client) {
  return undefined;
}

/** The event that says something. The text must go out as it is. */
export function say(_client, text) {
  return ['chat message', text];
}

/** The meaning of an event: a message has a text. */
export function onMessage(event, [text]) {
  return event === 'chat message' ? { text } : undefined;
}

/** The event that a client leaves with, before it disconnects. */
export function leave(_client) {
  return undefined;
}

/** The promises of the server: one process sends every message to all in one order. */
export const promises = { roomOrder: true };
