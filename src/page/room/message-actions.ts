import type { Right } from '../../protocol/rights.ts';
import type { Row } from './rows.ts';

/** `quoted` goes to the message that this one answers. */
export type MessageAction = 'reply' | 'react' | 'quoted' | 'copy' | 'edit' | 'delete';

/** The reactions that a menu offers at once. */
export const QUICK_REACTIONS = ['👍', '❤️', '😂', '🎉', '😮', '🙏'] as const;

/**
 * The actions that a row offers, in the order of its menu. Without `can` the server is of an earlier release and lets
 * everybody talk. The server decides; this only leaves out what it would refuse.
 */
export function actionsOf(row: Row | undefined, can: readonly Right[] | undefined): readonly MessageAction[] {
  if (row?.kind !== 'said') return [];
  if (!row.message) return ['copy'];
  const may = (right: Right) => (can ? can.includes(right) : right !== 'moderate');
  const actions: MessageAction[] = [];
  if (may('react')) actions.push('react');
  if (may('say')) actions.push('reply');
  if (row.message.replyTo !== undefined) actions.push('quoted');
  actions.push('copy');
  if (row.own && may('say')) actions.push('edit');
  if (row.own || may('moderate')) actions.push('delete');
  return actions;
}

/** True: this user has the reaction, as far as the ten listed ids tell. */
export function hasReacted(users: readonly string[], userId: string): boolean {
  return users.includes(userId);
}
