import type { ChatClient, ClientStorage } from '../../client/index.ts';
import { createFieldText, type FieldText } from '../composer/field-text.ts';

export interface ThreadFieldsDeps {
  readonly chat: Pick<ChatClient, 'on' | 'user'>;
  readonly fieldStorage: (place: string) => ClientStorage;
  readonly guestId: () => string | undefined;
}

/** Returns the text of the field of the private thread with a user, the same one for each call. */
export function createThreadFields({
  chat,
  fieldStorage,
  guestId,
}: ThreadFieldsDeps): (userId: string) => FieldText {
  const fields = new Map<string, FieldText>();
  chat.on('hello', ({ user }) => {
    for (const field of fields.values()) field.setAuthor(user.id);
  });

  return (userId) => {
    const known = fields.get(userId);
    if (known) return known;
    // No room has such a name.
    const field = createFieldText({ storage: fieldStorage(`{${userId}}`), guestId: guestId() });
    if (chat.user) field.setAuthor(chat.user.id);
    fields.set(userId, field);
    return field;
  };
}
