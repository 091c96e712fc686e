import type { Roster } from '../chat/store.ts';

/** Which users have a connection on this worker, as the roster is told. */
export interface Online {
  come(userId: string): void;
  go(userId: string): void;
  /** Says again what the store could not be told while it was away. */
  restate(): void;
}

export function createOnline(roster: Pick<Roster, 'setOnline'>): Online {
  const tabs = new Map<string, number>();
  const unsaid = new Set<string>();

  async function say(userId: string): Promise<void> {
    const said = await roster.setOnline(userId, tabs.has(userId));
    if (said.ok) unsaid.delete(userId);
    else unsaid.add(userId);
  }

  return {
    come(userId) {
      const count = (tabs.get(userId) ?? 0) + 1;
      tabs.set(userId, count);
      if (count === 1) void say(userId);
    },
    go(userId) {
      const count = (tabs.get(userId) ?? 1) - 1;
      if (count > 0) {
        tabs.set(userId, count);
        return;
      }
      tabs.delete(userId);
      void say(userId);
    },
    restate() {
      for (const userId of [...unsaid]) void say(userId);
    },
  };
}
