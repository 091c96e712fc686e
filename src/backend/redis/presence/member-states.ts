import type { RosterMember } from '../../../chat/roster.ts';
import { ROSTER_DOUBT_MS } from '../../../chat/roster.ts';
import type { ReportedUser } from '../../reported-presence.ts';
import type { InstanceState } from './instances.ts';
import { entryOf, personOf } from './persons.ts';

/** A page as roster-members.lua returns it: `id, [index of instance, user, index, user, …], id, …`; indices from 1. */
export type MembersPage = readonly (string | readonly (string | number)[])[];

/** Merges the reports of all instances that have a user into one member. */
export function membersOf(
  page: MembersPage,
  instances: readonly string[],
  states: ReadonlyMap<string, InstanceState>,
): RosterMember[] {
  const members = [];
  for (let index = 0; index < page.length; index += 2) {
    const reports = reportsOf(String(page[index]), page[index + 1], instances, states);
    // No instance has the user any more, but the room's list of users still does.
    if (reports.length > 0) members.push(memberOf(reports));
  }
  return members;
}

interface Report {
  readonly user: ReportedUser;
  readonly instance: InstanceState | undefined;
}

function reportsOf(
  userId: string,
  reported: MembersPage[number] | undefined,
  instances: readonly string[],
  states: ReadonlyMap<string, InstanceState>,
): Report[] {
  const reports = [];
  const flat = typeof reported === 'object' ? reported : [];
  for (let index = 0; index < flat.length; index += 2) {
    const instance = states.get(instances[Number(flat[index]) - 1] ?? '');
    if (!instance?.reaped) reports.push({ user: personOf(userId, String(flat[index + 1])), instance });
  }
  return reports;
}

function memberOf(reports: readonly Report[]): RosterMember {
  const counting = reports.filter(({ instance }) => instance?.alive);
  const [shown] = [...counting, ...reports];
  if (!shown) throw new Error('a member is on no instance');
  return {
    ...entryOf(shown.user),
    clients: counting.reduce((sum, { user }) => sum + user.own, 0),
    state: counting.some(
      ({ instance }) => instance && !instance.vouchedFor && instance.silentMs <= ROSTER_DOUBT_MS,
    )
      ? 'online'
      : 'doubtful',
    seenAt: Math.max(0, ...reports.map(({ instance }) => instance?.lastHeartbeatAtMs ?? 0)),
  };
}
