import { plural } from '../plural.ts';

export const composer = {
  message: 'Message',
  placeholder: 'Write a message',
  send: 'Send',
  sendTitle: 'Send (Enter)',
  save: 'Save the change',
  tooLong: (count: number, written: string) =>
    plural('en', count, { one: '1 character too long', other: `${written} characters too long` }),
  /** An estimate: a character may take one byte or four. */
  left: (count: number, written: string) =>
    plural('en', count, {
      one: 'room for about 1 more character',
      other: `room for about ${written} more characters`,
    }),
  suggestions: 'Suggestions',
  editing: 'Editing your message',
  replyingTo: 'Replying to',
  cancel: 'Cancel',
  cancelTitle: 'Cancel (Escape)',
  pastedLines: (lines: string) => `You pasted ${lines} lines.`,
  pastedCharacters: (characters: string) => `You pasted ${characters} characters.`,
  asBlock: 'Send as a collapsed block',
  asText: 'Keep as text',
  muted: (until: string | undefined) =>
    until === undefined ? 'You are muted in this room.' : `You are muted in this room until ${until}.`,
  /** After the name of one person, and after the names of two. */
  isTyping: 'is typing…',
  and: 'and',
  areTyping: 'are typing…',
  severalTyping: 'Several people are typing…',
};
