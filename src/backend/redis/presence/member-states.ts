import type { RosterMember } from '../../../chat/roster.ts';
import { ROSTER_DOUBT_MS } from '../../../chat/roster.ts';
import type { ReportedUser } from '../../reported-presence.ts';
import type { ListedInstance } from './instances.ts';
import { entryOf, personOf } from './persons.ts';

/** What roster-members.lua answers of one page: `id, [index of instance, user, index, user, …], id, …`; indices from 1. */
export type MembersPage = readonly (string | readonly (string | number)[])[];

/** What the instances that have a user make of that user. */
export function membersOf(
  page: MembersPage,
  instances: readonly string[],
  listed: ReadonlyMap<string, ListedInstance>,
): RosterMember[] {
  const members = [];
  for (let index = 0; index < page.length; index += 2) {
    const stated = statedOf(String(page[index]), page[index + 1], instances, listed);
    // Taken out on all instances, and of the room's users only later: nothing to show.
    if (stated.length > 0) members.push(memberOf(stated));
  }
  return members;
}

interface Stated {
  readonly user: ReportedUser;
  readonly instance: ListedInstance | undefined;
}

function statedOf(
  userId: string,
  said: MembersPage[number] | undefined,
  instances: readonly string[],
  listed: ReadonlyMap<string, ListedInstance>,
): Stated[] {
  const stated = [];
  const flat = typeof said === 'object' ? said : [];
  for (let index = 0; index < flat.length; index += 2) {
    const instance = listed.get(instances[Number(flat[index]) - 1] ?? '');
    if (!instance?.reaped) stated.push({ user: personOf(userId, String(flat[index + 1])), instance });
  }
  return stated;
}

function memberOf(stated: readonly Stated[]): RosterMember {
  const counting = stated.filter(({ instance }) => instance?.alive);
  const [shown] = [...counting, ...stated];
  if (!shown) throw new Error('a member whom no instance has');
  return {
    ...entryOf(shown.user),
    clients: counting.reduce((sum, { user }) => sum + user.own, 0),
    state: counting.some(({ instance }) => instance && instance.silentMs <= ROSTER_DOUBT_MS)
      ? 'online'
      : 'doubtful',
    seenAt: Math.max(0, ...stated.map(({ instance }) => instance?.lastHeartbeatAtMs ?? 0)),
  };
}
