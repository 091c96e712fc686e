import { type Outcome, type Refusal, succeed } from '../../protocol/codes.ts';
import { MAX_PAGE_BYTES } from '../../protocol/limits.ts';
import type { Person } from '../../protocol/people.ts';
import type { RoomEntry } from '../../protocol/rooms.ts';
import { type Blocks, refuseBlockedMentions } from '../blocks.ts';
import type { DedupeKey } from '../dedupe.ts';
import type { Appended, LogPage, RoomLogs } from '../log-store.ts';
import type { MentionNote, MentionNotes } from '../mention-notes.ts';
import type { Moderation } from '../moderation.ts';
import { inboxOf, type Room, roomOf } from '../room.ts';
import type { RoomSubscriptions } from '../room-subscriptions.ts';
import type { Roster } from '../roster.ts';
import { draftOf } from './items.ts';

/*
 * A mention puts an item into the inbox of each user whom a message names. The message is in the slot of its room and each
 * inbox in its own, so no step of the store writes both. Hence the order: note the message, append it, put the items, remove
 * the note. A worker that dies on the way leaves the note, and another worker puts the items that are missing. An item has the
 * id of its message, under which an inbox takes it once.
 *
 * A message that names somebody who has blocked its author is refused before all that. A block that comes between is no reason
 * to take the message back: the inbox does not take the item.
 */

export interface MentionsDeps {
  readonly logs: Pick<RoomLogs, 'append' | 'read' | 'known'>;
  readonly notes: MentionNotes;
  readonly blocks: Pick<Blocks, 'areBlocking'>;
  readonly roster: Pick<Roster, 'isInAny'>;
  readonly roomSubscriptions: Pick<RoomSubscriptions, 'has'>;
  readonly moderation: Pick<Moderation, 'restrictions'>;
  readonly instanceId: string;
  readonly newId: () => string;
  /** This worker has appended to that inbox: the feed looks for the item if the bus does not bring it. */
  readonly onAppended: (nsp: string, userId: string, appended: Appended) => void;
}

/** A message that names users. */
export interface MentioningMessage {
  readonly room: Room;
  readonly from: Person;
  readonly mentions: readonly string[];
  /** The user against whom blocks count; undefined for a message that no user says. */
  readonly author: string | undefined;
  readonly dedupe?: DedupeKey | undefined;
}

export interface Mentions {
  /**
   * Stores the message by `append`, which must give it that id, and then the items. It is `forbidden` if somebody whom it names
   * has blocked the author, unless it is stored already.
   */
  storing(
    message: MentioningMessage,
    append: (id: string) => Promise<Outcome<Appended>>,
  ): Promise<Outcome<Appended>>;
  /** Puts the items that workers left out: the one that died, or else any that has had its time. */
  sweep(deadInstanceId?: string): Promise<void>;
}

type Place = Pick<Appended, 'id' | 'epoch' | 'seq'>;

/** A worker that lives has stored a message and its items in this time. */
const ABANDONED_AFTER_MS = 30_000;
const NOTES_AT_ONCE = 1_000;
const PAGE = 200;
/** The clock of a store may be set back by so much between a note and its message. */
const CLOCK_SLACK_MS = 60_000;

export function createMentions(deps: MentionsDeps): Mentions {
  const { logs, notes, blocks, roster, roomSubscriptions, moderation } = deps;
  const { instanceId, newId, onAppended } = deps;

  /** A user who is in the room, or has joined it and not left, and whom no ban keeps out. */
  async function mayRead(room: Room, userId: string): Promise<Outcome<boolean>> {
    const [joined, held] = await Promise.all([
      roomSubscriptions.has(inboxOf(room.nsp, userId), room.roomid),
      moderation.restrictions(room, userId),
    ]);
    if (!joined.ok) return joined;
    if (!held.ok) return held;
    if (held.value.ban) return { ok: true, value: false };
    // Guests have no list of rooms.
    return joined.value ? joined : roster.isInAny([room], userId);
  }

  /** Returns whether there is nothing left to do for the user. */
  async function put(message: MentioningMessage, place: Place, userId: string): Promise<boolean> {
    const { room, from, author } = message;
    const reads = await mayRead(room, userId);
    if (!reads.ok || !reads.value) return reads.ok;
    const { id, epoch, seq } = place;
    const user = { id: from.userId, name: from.username, avatar: from.avatar };
    const json = JSON.stringify({ roomid: room.roomid, epoch, seq });
    const draft = draftOf(
      { id, kind: 'mention', from: user, json },
      {
        dedupe: { scope: 'mention', clientMsgId: id },
        bounded: true,
        ...(author !== undefined && { author }),
      },
    );
    const stored = await logs.append(inboxOf(room.nsp, userId), draft);
    if (stored.ok && !stored.value.dup) onAppended(room.nsp, userId, stored.value);
    return stored.ok || !stored.error.temporary;
  }

  const others = ({ from, mentions }: MentioningMessage) => mentions.filter((id) => id !== from.userId);

  async function blockedRefusal(message: MentioningMessage): Promise<Refusal | undefined> {
    const { room, author, dedupe } = message;
    const named = others(message);
    if (author === undefined || named.length === 0) return undefined;
    const inboxes = named.map((userId) => inboxOf(room.nsp, userId));
    const blocking = await blocks.areBlocking(inboxes, author);
    if (!blocking.ok) return blocking;
    const blockers = named.filter((_, index) => blocking.value[index]);
    if (blockers.length === 0) return undefined;
    // The first attempt may have been stored before the block.
    const known = dedupe ? await logs.known(room, dedupe) : succeed(undefined);
    if (!known.ok) return known;
    return known.value ? undefined : refuseBlockedMentions(blockers);
  }

  async function putAll(message: MentioningMessage, place: Place): Promise<boolean> {
    const done = await Promise.all(others(message).map((userId) => put(message, place, userId)));
    return done.every((one) => one);
  }

  /** Looks for the entry of that id among those since then. Undefined: the log has none. */
  async function find(log: Room, id: string, since: number): Promise<Outcome<Found | undefined>> {
    for (let before: number | undefined; ; ) {
      const query = { limit: PAGE, maxBytes: MAX_PAGE_BYTES, ...(before !== undefined && { before }) };
      const page: Outcome<LogPage> = await logs.read(log, query);
      if (!page.ok) return page;
      const { entries, more } = page.value;
      const entry = entries.find(({ json }) => json.includes(id) && parsed(json).id === id);
      if (entry) return { ok: true, value: parsed(entry.json) };
      const [oldest] = entries;
      if (!oldest || !more || parsed(oldest.json).at < since - CLOCK_SLACK_MS)
        return { ok: true, value: undefined };
      before = oldest.seq;
    }
  }

  /** The inbox knows the id for DEDUPE_TTL_S only, and the store may have been away for longer. */
  async function putIfMissing(message: MentioningMessage, found: Found, userId: string): Promise<boolean> {
    const known = await find(inboxOf(message.room.nsp, userId), found.id, found.at);
    if (!known.ok) return false;
    return known.value !== undefined || put(message, found, userId);
  }

  async function complete({ nsp, roomid, id, at }: MentionNote): Promise<boolean> {
    const room = roomOf(nsp, roomid);
    const found = await find(room, id, at);
    if (!found.ok) return false;
    const entry = found.value;
    // It was not stored, or it is deleted: a deleted message names nobody.
    if (entry?.event !== 'broadcast_say' || entry.deleted) return true;
    const from = entry.data;
    const message = { room, from, mentions: entry.mentions ?? [], author: from.userId };
    const done = await Promise.all(others(message).map((userId) => putIfMissing(message, entry, userId)));
    return done.every((one) => one);
  }

  return {
    async storing(message, append) {
      const refusal = await blockedRefusal(message);
      if (refusal) return refusal;
      const { nsp, roomid } = message.room;
      const note = { nsp, roomid, id: newId(), by: instanceId };
      const noted = await notes.add(note);
      if (!noted.ok) return noted;
      const stored = await append(note.id);
      // After a temporary refusal it may be stored all the same.
      const isOver = stored.ok ? await putAll(message, stored.value) : !stored.error.temporary;
      // A note that stays costs one look.
      if (isOver) void notes.remove(note);
      return stored;
    },
    async sweep(deadInstanceId) {
      const age = deadInstanceId === undefined ? ABANDONED_AFTER_MS : 0;
      const due = await notes.due(age, NOTES_AT_ONCE);
      if (!due.ok) return;
      for (const note of due.value) {
        if (deadInstanceId !== undefined && note.by !== deadInstanceId) continue;
        if (await complete(note)) await notes.remove(note);
      }
    },
  };
}

type Found = RoomEntry;

const parsed = (json: string) => JSON.parse(json) as Found;
