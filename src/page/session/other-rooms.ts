import type { ChatClient } from '../../client/index.ts';
import { createValue, type StoreDeps, type Value } from '../ui/store.ts';

/** A room that this person has joined and not left, but that this tab has not entered. */
export interface OtherRoom {
  readonly roomid: string;
  /** The number of unread messages when the server was last asked. */
  readonly unread: number;
}

/** The rooms of this person on other devices, and those of an earlier visit. A guest has none. */
export interface OtherRooms {
  readonly list: Value<readonly OtherRoom[]>;
  /** This tab has entered a room. */
  entered(): void;
  /** This tab leaves a room; `left` settles when the server knows. */
  leaving(roomid: string, left: Promise<void>): void;
  /** Reads them again unless that was done lately, as another device may have entered or left some. */
  look(): void;
}

export interface OtherRoomsDeps {
  readonly chat: Pick<ChatClient, 'on' | 'rooms'>;
  /** The ids of the rooms of this tab. */
  readonly ownRooms: () => readonly string[];
  readonly elapsedMs: () => number;
  readonly nextFrame: StoreDeps<unknown, unknown>['nextFrame'];
}

/** An answer about many rooms costs the server as much as dozens of messages. */
const ASK_EVERY_MS = 30_000;

export function createOtherRooms({ chat, ownRooms, elapsedMs, nextFrame }: OtherRoomsDeps): OtherRooms {
  const list = createValue<readonly OtherRoom[]>([], nextFrame);
  let told: readonly OtherRoom[] = [];
  let ownId: string | undefined;
  let isGuest = true;
  let askedAt = Number.NEGATIVE_INFINITY;
  /** An answer that was asked for before a change may lack it. */
  let turn = 0;

  function show(): void {
    const own = new Set(ownRooms());
    const others = told.filter(({ roomid }) => !own.has(roomid));
    if (others.length + list.get().length > 0) list.dispatch(others);
  }

  async function load(): Promise<void> {
    if (isGuest) return;
    askedAt = elapsedMs();
    turn += 1;
    const asked = turn;
    const rooms = await chat.rooms.mine().catch(() => undefined);
    if (!rooms || asked !== turn) return;
    told = rooms
      .map(({ roomid, unread }) => ({ roomid, unread }))
      .sort((one, other) => one.roomid.localeCompare(other.roomid));
    show();
  }

  chat.on('hello', ({ user, guestToken }) => {
    if (user.id !== ownId) told = [];
    ownId = user.id;
    isGuest = guestToken !== undefined;
    turn += 1;
    show();
    void load();
  });

  return {
    list,
    entered: show,
    leaving(roomid, left) {
      told = told.filter((room) => room.roomid !== roomid);
      turn += 1;
      show();
      // The room stays in the list while another device is in it.
      void left.then(load, load);
    },
    look() {
      if (elapsedMs() - askedAt >= ASK_EVERY_MS) void load();
    },
  };
}
