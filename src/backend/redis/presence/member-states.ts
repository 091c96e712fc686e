import type { RosterMember } from '../../../chat/roster.ts';
import { ROSTER_DOUBT_MS } from '../../../chat/roster.ts';
import type { ReportedUser } from '../../reported-presence.ts';
import type { ListedBoot } from './boots.ts';
import { entryOf, personOf } from './persons.ts';

/** What roster-members.lua answers of one page: `id, [index of boot, user, index, user, …], id, …`; indices from 1. */
export type MembersPage = readonly (string | readonly (string | number)[])[];

/** What the boots that have a user make of that user. */
export function membersOf(
  page: MembersPage,
  boots: readonly string[],
  listed: ReadonlyMap<string, ListedBoot>,
): RosterMember[] {
  const members = [];
  for (let index = 0; index < page.length; index += 2) {
    const stated = statedOf(String(page[index]), page[index + 1], boots, listed);
    // Taken out on all boots, and of the room's users only later: nothing to show.
    if (stated.length > 0) members.push(memberOf(stated));
  }
  return members;
}

interface Stated {
  readonly user: ReportedUser;
  readonly boot: ListedBoot | undefined;
}

function statedOf(
  userId: string,
  said: MembersPage[number] | undefined,
  boots: readonly string[],
  listed: ReadonlyMap<string, ListedBoot>,
): Stated[] {
  const stated = [];
  const flat = typeof said === 'object' ? said : [];
  for (let index = 0; index < flat.length; index += 2) {
    const boot = listed.get(boots[Number(flat[index]) - 1] ?? '');
    if (!boot?.swept) stated.push({ user: personOf(userId, String(flat[index + 1])), boot });
  }
  return stated;
}

function memberOf(stated: readonly Stated[]): RosterMember {
  const counting = stated.filter(({ boot }) => boot?.alive);
  const [shown] = [...counting, ...stated];
  if (!shown) throw new Error('a member that no boot has');
  return {
    ...entryOf(shown.user),
    clients: counting.reduce((sum, { user }) => sum + user.own, 0),
    state: counting.some(({ boot }) => boot && boot.silentMs <= ROSTER_DOUBT_MS) ? 'online' : 'doubtful',
    seenAt: Math.max(0, ...stated.map(({ boot }) => boot?.provedAtMs ?? 0)),
  };
}
