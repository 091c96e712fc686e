export const problems = {
  unknownFate: 'It is not known whether this arrived. Sending it again may show it twice.',
  tooMany: 'Too many messages wait to be sent already.',
  newIdentity: 'Not sent: the server knows you under a new identity now. Retry sends it under that one.',
  tooLong: 'This is too long to send.',

  rateLimited: 'Too many messages at once. Wait a moment.',
  unavailable: 'The server cannot store messages right now.',
  internal: 'Something went wrong on the server.',
  kicked: 'You were removed from this room.',
  banned: (until: string | undefined) =>
    until === undefined ? 'You are banned from this room.' : `You are banned from this room until ${until}.`,
  muted: 'Not sent: you were muted in this room.',
  excluded: (until: string | undefined) =>
    until === undefined
      ? 'You are banned from this server.'
      : `You are banned from this server until ${until}.`,
  full: 'This room is full.',
  tooManyRooms: 'You are in too many rooms. Leave one to enter another.',
  reserved: 'This name is reserved. Please choose another one.',
  notTaken: 'Not sent: somebody it is for takes no messages from you.',
  tooManyBlocks: 'You have blocked too many people. Unblock one first.',
  connectionLost: 'The connection was lost.',
  moved: 'This server is going away.',
  tooSlow: 'This connection was too slow for what it was sent.',
  expired: 'Your sign-in has expired.',
  disconnected: 'An operator ended this connection.',
  overLimit: 'This connection sent more than it may.',
};
