import type { ChatMessage, MessageSource } from '../../client/index.ts';

/** A place in a room's log. */
export interface LogPosition {
  readonly epoch: string;
  readonly seq: number;
}

/** The part of a room that the reader has not seen. */
export interface RoomUnread {
  readonly messages: number;
  readonly mentions: number;
}

export interface RoomUnreadDeps {
  readonly ownId: () => string | undefined;
  /** The reader sees the end of the room now. */
  readonly isReading: () => boolean;
  /** The newest message that the reader had seen before this page was loaded. */
  readonly seen: LogPosition | undefined;
  readonly onChange: () => void;
  /** The reader has seen everything up to there. */
  readonly onSeen: (position: LogPosition) => void;
}

export interface RoomUnreadCount {
  get(): RoomUnread;
  /** Returns whether the message is news to the reader. */
  heard(message: ChatMessage, source: MessageSource): boolean;
  /** The reader may see the end of the room now. */
  look(): void;
}

const NONE: RoomUnread = { messages: 0, mentions: 0 };

export function createRoomUnread(deps: RoomUnreadDeps): RoomUnreadCount {
  let unread = NONE;
  let newest: LogPosition | undefined;
  let seen = deps.seen;

  function look(): void {
    if (!newest || !deps.isReading()) return;
    if (seen?.epoch === newest.epoch && seen.seq === newest.seq) return;
    seen = newest;
    deps.onSeen(seen);
    if (unread === NONE) return;
    unread = NONE;
    deps.onChange();
  }

  /** The history of a room that this reader has never seen is no news. */
  function isNew({ epoch, seq }: LogPosition, source: MessageSource): boolean {
    if (source !== 'history') return true;
    return seen !== undefined && (seen.epoch !== epoch || seq > seen.seq);
  }

  return {
    get: () => unread,
    heard(message, source) {
      const { epoch, seq, data, deleted, mentions } = message;
      newest = { epoch, seq };
      const ownId = deps.ownId();
      if (deleted || data.userId === ownId || !isNew(newest, source)) {
        look();
        return false;
      }
      if (deps.isReading()) {
        look();
        return false;
      }
      const mentioned = ownId !== undefined && mentions?.includes(ownId);
      unread = { messages: unread.messages + 1, mentions: unread.mentions + (mentioned ? 1 : 0) };
      deps.onChange();
      return true;
    },
    look,
  };
}
