import type { ChatClient } from '../../client/index.ts';
import { createValue, type StoreDeps, type Value } from '../ui/store.ts';

/** The users whom this person has blocked. */
export interface BlockList {
  /** Undefined until the server has told them. */
  readonly userIds: Value<ReadonlySet<string> | undefined>;
  /** Reads them, as another device may have changed them. */
  load(): Promise<void>;
  /** Rejects with the server's refusal, and changes nothing then. */
  set(userId: string, on: boolean): Promise<void>;
}

export interface BlockListDeps {
  readonly chat: Pick<ChatClient, 'blocks' | 'on'>;
  readonly nextFrame: StoreDeps<unknown, unknown>['nextFrame'];
}

export function createBlockList({ chat, nextFrame }: BlockListDeps): BlockList {
  const userIds = createValue<ReadonlySet<string> | undefined>(undefined, nextFrame);
  let ownId: string | undefined;
  let wanted = false;
  /** A list that was asked for before a change may lack it. */
  let turn = 0;

  async function load(): Promise<void> {
    wanted = true;
    turn += 1;
    const asked = turn;
    const list = await chat.blocks.list().catch(() => undefined);
    if (list && asked === turn) userIds.dispatch(new Set(list));
  }

  chat.on('hello', ({ user }) => {
    if (user.id === ownId) return;
    const isOther = ownId !== undefined;
    ownId = user.id;
    if (!isOther || !wanted) return;
    userIds.dispatch(undefined);
    void load();
  });

  return {
    userIds,
    load,
    async set(userId, on) {
      const by = ownId;
      await (on ? chat.blocks.add(userId) : chat.blocks.remove(userId));
      const known = userIds.get();
      if (by !== ownId || !known) return;
      turn += 1;
      const now = new Set(known);
      if (on) now.add(userId);
      else now.delete(userId);
      userIds.dispatch(now);
    },
  };
}
