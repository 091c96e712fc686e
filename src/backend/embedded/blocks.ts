import type { Room } from '../../chat/room.ts';
import { restrictionHash } from '../restriction-hash.ts';
import type { BlockRecord } from './rows.ts';

/** The key of a user whom the user of an inbox has blocked. */
export function blockKey({ tag }: Pick<Room, 'tag'>, userId: string): string {
  return `${tag}:${restrictionHash(userId)}`;
}

export function isInForce(block: BlockRecord | undefined, now: number): block is BlockRecord {
  return block !== undefined && (block.until === undefined || block.until > now);
}
