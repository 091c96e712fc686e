/** The chat of Socket.IO's tutorial (socket.io/docs/v4/tutorial) for `roomcast load --dialect`. It has one room. */

/** What a client needs to connect: query, auth, namespace, headers. */
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

/** What an event means: a message has a text. */
export function onMessage(event, [text]) {
  return event === 'chat message' ? { text } : undefined;
}

/** The event that a client leaves with, before it disconnects. */
export function leave(_client) {
  return undefined;
}

/** What the server promises: one process sends every message to all in one order. */
export const promises = { roomOrder: true };
