import type { Room } from '../../chat/room.ts';
import type { RosterCount } from '../../chat/roster.ts';

/** How many connections each user has on which boot. */
export interface ConnectionBook {
  set(boot: string, inbox: Room, connections: number): void;
  /** Of one user on the boots that count. */
  sum(inbox: Pick<Room, 'tag'>, counts: (boot: string) => boolean): number;
  /** Different user ids over all namespaces, and their connections: both of this moment, on the boots that count. */
  total(counts: (boot: string) => boolean): RosterCount;
  drop(boot: string): void;
}

interface UserRecord {
  readonly userId: string;
  readonly boots: Map<string, number>;
}

export function createConnectionBook(): ConnectionBook {
  const inboxes = new Map<string, UserRecord>();
  const tagsOf = new Map<string, Set<string>>();
  const clientsOf = new Map<string, number>();
  /** In how many namespaces a user is. */
  const spread = new Map<string, number>();

  function add(tag: string, userId: string): UserRecord {
    const record = { userId, boots: new Map() };
    inboxes.set(tag, record);
    spread.set(userId, (spread.get(userId) ?? 0) + 1);
    return record;
  }

  function forget(boot: string, tag: string): void {
    const record = inboxes.get(tag);
    if (!record?.boots.delete(boot) || record.boots.size > 0) return;
    inboxes.delete(tag);
    const left = (spread.get(record.userId) ?? 0) - 1;
    if (left > 0) spread.set(record.userId, left);
    else spread.delete(record.userId);
  }

  /** Rarely needed: a boot that has connections and does not count is silent, and swept soon. */
  function usersOn(counts: (boot: string) => boolean): number {
    const users = new Set<string>();
    for (const { userId, boots } of inboxes.values()) {
      if ([...boots.keys()].some(counts)) users.add(userId);
    }
    return users.size;
  }

  return {
    set(boot, { tag, roomid: userId }, connections) {
      const before = inboxes.get(tag)?.boots.get(boot) ?? 0;
      const all = (clientsOf.get(boot) ?? 0) + connections - before;
      if (all > 0) clientsOf.set(boot, all);
      else clientsOf.delete(boot);
      const tags = tagsOf.get(boot) ?? new Set();
      if (connections > 0) {
        (inboxes.get(tag) ?? add(tag, userId)).boots.set(boot, connections);
        tagsOf.set(boot, tags.add(tag));
      } else {
        tags.delete(tag);
        forget(boot, tag);
      }
    },
    sum({ tag }, counts) {
      let sum = 0;
      for (const [boot, connections] of inboxes.get(tag)?.boots ?? []) if (counts(boot)) sum += connections;
      return sum;
    },
    total(counts) {
      let clients = 0;
      let whole = true;
      for (const [boot, here] of clientsOf) {
        if (counts(boot)) clients += here;
        else whole = false;
      }
      return { users: whole ? spread.size : usersOn(counts), clients };
    },
    drop(boot) {
      clientsOf.delete(boot);
      for (const tag of tagsOf.get(boot) ?? []) forget(boot, tag);
      tagsOf.delete(boot);
    },
  };
}
