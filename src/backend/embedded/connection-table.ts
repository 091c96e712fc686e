import type { Room } from '../../chat/room.ts';
import type { RosterCount } from '../../chat/roster.ts';
import type { Sized } from '../../sizes.ts';

/** The number of connections of each user on each instance. */
export interface ConnectionTable {
  set(instanceId: string, inbox: Room, connections: number): void;
  /** The connections of one user on the instances that count. */
  sum(inbox: Pick<Room, 'tag'>, counts: (instanceId: string) => boolean): number;
  /** Distinct user ids over all namespaces and their connections, at this moment, on the instances that count. */
  total(counts: (instanceId: string) => boolean): RosterCount;
  drop(instanceId: string): void;
}

interface UserRecord {
  readonly userId: string;
  readonly instances: Map<string, number>;
}

export function createConnectionTable(): ConnectionTable & Sized {
  const inboxes = new Map<string, UserRecord>();
  const tagsOf = new Map<string, Set<string>>();
  const clientsOf = new Map<string, number>();
  /** The number of namespaces that each user is connected to. */
  const spread = new Map<string, number>();

  function add(tag: string, userId: string): UserRecord {
    const record = { userId, instances: new Map() };
    inboxes.set(tag, record);
    spread.set(userId, (spread.get(userId) ?? 0) + 1);
    return record;
  }

  function forget(instanceId: string, tag: string): void {
    const record = inboxes.get(tag);
    if (!record?.instances.delete(instanceId) || record.instances.size > 0) return;
    inboxes.delete(tag);
    const left = (spread.get(record.userId) ?? 0) - 1;
    if (left > 0) spread.set(record.userId, left);
    else spread.delete(record.userId);
  }

  /** Rarely needed: an instance that has connections but does not count is silent, and is reaped soon. */
  function usersOn(counts: (instanceId: string) => boolean): number {
    const users = new Set<string>();
    for (const { userId, instances } of inboxes.values()) {
      if ([...instances.keys()].some(counts)) users.add(userId);
    }
    return users.size;
  }

  return {
    sizes: () => ({
      inboxes: inboxes.size,
      tagsOf: tagsOf.size,
      clientsOf: clientsOf.size,
      spread: spread.size,
    }),
    set(instanceId, { tag, roomid: userId }, connections) {
      const before = inboxes.get(tag)?.instances.get(instanceId) ?? 0;
      const all = (clientsOf.get(instanceId) ?? 0) + connections - before;
      if (all > 0) clientsOf.set(instanceId, all);
      else clientsOf.delete(instanceId);
      const tags = tagsOf.get(instanceId) ?? new Set();
      if (connections > 0) {
        (inboxes.get(tag) ?? add(tag, userId)).instances.set(instanceId, connections);
        tagsOf.set(instanceId, tags.add(tag));
      } else {
        tags.delete(tag);
        forget(instanceId, tag);
      }
    },
    sum({ tag }, counts) {
      let sum = 0;
      for (const [instanceId, connections] of inboxes.get(tag)?.instances ?? [])
        if (counts(instanceId)) sum += connections;
      return sum;
    },
    total(counts) {
      let clients = 0;
      let whole = true;
      for (const [instanceId, here] of clientsOf) {
        if (counts(instanceId)) clients += here;
        else whole = false;
      }
      return { users: whole ? spread.size : usersOn(counts), clients };
    },
    drop(instanceId) {
      clientsOf.delete(instanceId);
      for (const tag of tagsOf.get(instanceId) ?? []) forget(instanceId, tag);
      tagsOf.delete(instanceId);
    },
  };
}
