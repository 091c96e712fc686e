import type { Room } from '../../chat/room.ts';

/** How many connections each user has on which boot. */
export interface ConnectionBook {
  set(boot: string, inbox: Room, connections: number): void;
  /** Of one user on the boots that count. */
  sum(inbox: Pick<Room, 'tag'>, counts: (boot: string) => boolean): number;
  /** Different user ids, over all namespaces. */
  users(): number;
  drop(boot: string): void;
}

interface UserRecord {
  readonly userId: string;
  readonly boots: Map<string, number>;
}

export function createConnectionBook(): ConnectionBook {
  const inboxes = new Map<string, UserRecord>();
  const tagsOf = new Map<string, Set<string>>();
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

  return {
    set(boot, { tag, roomid: userId }, connections) {
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
    users: () => spread.size,
    drop(boot) {
      for (const tag of tagsOf.get(boot) ?? []) forget(boot, tag);
      tagsOf.delete(boot);
    },
  };
}
