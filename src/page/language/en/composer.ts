export const composer = {
  message: 'Message',
  placeholder: 'Write a message',
  send: 'Send',
  editing: 'Editing your message',
  /** Before a name. */
  replyingTo: 'Replying to',
  cancel: 'Cancel',
  sendTitle: 'Send (Enter)',
  bytesTooLong: (bytes: number) => `${bytes} bytes too long`,
  bytesLeft: (bytes: number) => `${bytes} bytes left`,
  muted: (until: string | undefined) =>
    until === undefined ? 'You are muted in this room.' : `You are muted in this room until ${until}.`,
  /** After the name of one person, and after the names of two. */
  isTyping: 'is typing…',
  and: 'and',
  areTyping: 'are typing…',
  severalTyping: 'Several people are typing…',
};
