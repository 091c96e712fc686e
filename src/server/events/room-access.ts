import { type Refusal, refuse } from '../../protocol/codes.ts';
import type { Session } from '../session.ts';

/** Why the connection may not use a room, if so. The same whether the room exists or not. */
export function denied({ identity }: Session, roomid: string): Refusal | undefined {
  if (identity.access.allows(roomid)) return undefined;
  return refuse('forbidden', `roomid: the token does not allow ${roomid}`);
}
