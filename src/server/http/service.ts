import * as z from 'zod';
import { withBlankOptionals } from '../../protocol/blank-fields.ts';
import { avatar, userId, username } from './fields.ts';

/** The author of what names none. */
const NOBODY = { userId: 'roomcast', username: 'roomcast' };

interface From {
  readonly userId?: string | undefined;
  readonly username?: string | undefined;
  readonly avatar?: string | undefined;
}

/** The field that names the author of what a back end writes. */
export const from = z
  .union(
    [
      username,
      withBlankOptionals(
        z.object({ userId: userId.optional(), username: username.optional(), avatar: avatar.optional() }),
      ),
    ],
    { error: 'must be a name or {userId?, username?, avatar?}' },
  )
  .default({})
  .describe(`The user that clients show; a string is the username. Default: ${NOBODY.userId}.`);

/** The id of the user in whose name a back end writes, undefined if it names none. */
export function userOf(given: string | From): string | undefined {
  return typeof given === 'string' ? undefined : given.userId;
}

export function personOf(given: string | From) {
  const {
    userId: id = NOBODY.userId,
    username: name = NOBODY.username,
    avatar: face,
  }: From = typeof given === 'string' ? { username: given } : given;
  return { username: name, userId: id, avatar: face };
}
