import type { Reaction } from '../../protocol/rooms.ts';

/**
 * The reader's own reactions, by `seq` and reaction, as far as the page asked for them or heard of them. A message lists only
 * the first ten people of a reaction.
 */
export type OwnReactions = ReadonlyMap<string, boolean>;

export function withOwnReaction(
  known: OwnReactions,
  seq: number,
  reaction: string,
  on: boolean,
): OwnReactions {
  return new Map(known).set(keyOf(seq, reaction), on);
}

export function isOwnReaction(
  known: OwnReactions,
  seq: number,
  { reaction, users }: Reaction,
  ownId: string,
): boolean {
  return known.get(keyOf(seq, reaction)) ?? users.includes(ownId);
}

function keyOf(seq: number, reaction: string): string {
  return `${seq}:${reaction}`;
}
