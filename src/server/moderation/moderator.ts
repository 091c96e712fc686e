import type { ActiveRestriction, Moderation, Restriction } from '../../chat/moderation.ts';
import type { Room } from '../../chat/room.ts';
import { type Outcome, refuse, succeed } from '../../protocol/codes.ts';
import type { ModerationAction } from '../../protocol/rooms.ts';
import type { Enforcement } from './enforcement.ts';

export interface ModeratorDeps {
  readonly moderation: Pick<Moderation, 'restrict' | 'lift'>;
  readonly enforcement: Pick<Enforcement, 'remove' | 'mute'>;
}

export interface ModerationOrder {
  readonly action: ModerationAction;
  readonly userId: string;
  /** The duration of a ban or a mute; without it, it has no end. */
  readonly seconds?: number | undefined;
}

/** Carries out the orders of moderators and back ends. Both ways in have the same effect. */
export interface Moderator {
  /**
   * Returns the end of a restriction with an end. Resolves once all workers that can be reached have carried it out. `most` bounds
   * the restrictions of the room, as `Moderation.restrict` has it.
   */
  moderate(room: Room, order: ModerationOrder, most?: number): Promise<Outcome<ActiveRestriction>>;
}

export function createModerator({ moderation, enforcement }: ModeratorDeps): Moderator {
  async function restrict(
    room: Room,
    { userId, seconds }: ModerationOrder,
    kind: Restriction,
    most: number | undefined,
  ): Promise<Outcome<ActiveRestriction>> {
    const restricted = await moderation.restrict(room, userId, kind, seconds, most);
    if (!restricted.ok) return restricted;
    // Best effort: the store enforces the restriction on workers that the command does not reach.
    if (kind === 'ban') await enforcement.remove(room, userId, { code: 'banned', ...restricted.value });
    else await enforcement.mute(room, userId, restricted.value);
    return restricted;
  }

  async function lift(room: Room, userId: string, kind: Restriction): Promise<Outcome<ActiveRestriction>> {
    const lifted = await moderation.lift(room, userId, kind);
    if (!lifted.ok) return lifted;
    if (lifted.value) return succeed({});
    return refuse('not_found', `userId: there is no ${kind} of this user in this room`);
  }

  async function kick(room: Room, userId: string): Promise<Outcome<ActiveRestriction>> {
    const removed = await enforcement.remove(room, userId, { code: 'kicked' });
    return removed.ok ? succeed({}) : removed;
  }

  return {
    async moderate(room, order, most) {
      const { action, userId } = order;
      switch (action) {
        case 'kick':
          return kick(room, userId);
        case 'ban':
        case 'mute':
          return restrict(room, order, action, most);
        case 'unban':
          return lift(room, userId, 'ban');
        case 'unmute':
          return lift(room, userId, 'mute');
      }
    },
  };
}
