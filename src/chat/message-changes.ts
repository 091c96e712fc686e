import { type Outcome, refuse, succeed } from '../protocol/codes.ts';
import { withoutContent } from '../protocol/folding.ts';
import type { ChatMessage, EditedMessage, RoomEntry } from '../protocol/rooms.ts';
import type { Sized } from '../sizes.ts';
import { entryDigest } from './entry-digest.ts';
import type { Feeds } from './feeds.ts';
import type { Amendment, Appended, Draft, Entry, RoomLogs } from './log-store.ts';
import type { Room } from './room.ts';

/** A message cannot be longer: its text and its data are bounded, and so are its reactions. */
const MAX_BYTES = 1_000_000;
/** Another worker has changed the message each time. */
const MAX_ATTEMPTS = 50;
const RETRY_MS = 100;

export interface MessageChangesDeps {
  readonly logs: Pick<RoomLogs, 'read' | 'amend' | 'known'>;
  readonly feeds: Pick<Feeds, 'expectEcho'>;
  readonly newId: () => string;
}

/** A change of a stored message, which an entry of its own announces. */
export interface MessageChange extends Pick<Draft, 'dedupe' | 'author' | 'except' | 'reader'> {
  readonly room: Room;
  /** The message's. */
  readonly seq: number;
  /** The id of the entry that announces it; made here if absent. */
  readonly id?: string | undefined;
  /** Runs again if the message changes meanwhile. `unchanged`: nothing is stored, as if this were done before. */
  decide(message: ChatMessage): Outcome<Decision | 'unchanged'>;
  /** Called when the store refuses the author, who is banned or muted. */
  readonly onRestricted?: () => void;
  /** Called with the size of the message that was written again, which is no part of what the author sent. */
  readonly onRewritten?: ((bytes: number) => void) | undefined;
}

export interface Decision extends Pick<Amendment, 'stamp' | 'counted'> {
  /** Its position, `edited` and `revision` are the store's. */
  readonly becomes: ChatMessage;
  /** The entry that announces it, as `Draft.members`. */
  readonly announcement: string;
}

/**
 * Changes messages: reads one, decides what it becomes, and stores that if the message is still the same. Changes of one
 * message on one worker wait for one another, so only those of other workers make one start anew.
 */
export interface MessageChanges {
  apply(change: MessageChange): Promise<Outcome<Appended>>;
}

export function createMessageChanges({ logs, feeds, newId }: MessageChangesDeps): MessageChanges & Sized {
  /** The last change of each message that is under way. */
  const pending = new Map<string, Promise<unknown>>();

  async function inTurn<T>(key: string, task: () => Promise<T>): Promise<T> {
    const before = pending.get(key);
    const running = before ? before.then(task) : task();
    const ended = running.catch(() => undefined);
    pending.set(key, ended);
    try {
      return await running;
    } finally {
      if (pending.get(key) === ended) pending.delete(key);
    }
  }

  /** A change that cannot be made now may have been made before, under the same clientMsgId. */
  async function known({ room, dedupe }: MessageChange, refusal: Outcome<never>): Promise<Outcome<Appended>> {
    if (!dedupe) return refusal;
    const first = await logs.known(room, dedupe);
    if (!first.ok) return first;
    return first.value ? succeed({ ...first.value, dup: true }) : refusal;
  }

  async function entryAt(room: Room, seq: number): Promise<Outcome<Entry | undefined>> {
    const page = await logs.read(room, { after: seq - 1, limit: 1, maxBytes: MAX_BYTES });
    if (!page.ok) return page;
    const [entry] = page.value.entries;
    return succeed(entry?.seq === seq ? entry : undefined);
  }

  /**
   * The newest edit, whose content goes with an edit or a deletion: its entry would hold the erased text. The edits before
   * it are empty already, and whoever empties this one meanwhile also changes the message.
   */
  async function supersededBy(
    room: Room,
    { seq, edited }: ChatMessage,
    { becomes, stamp }: Decision,
  ): Promise<Outcome<Amendment['superseded']>> {
    if (!edited || (stamp !== 'edited' && !becomes.deleted)) return succeed(undefined);
    const found = await entryAt(room, edited.seq);
    if (!found.ok || !found.value) return found.ok ? succeed(undefined) : found;
    const edit = JSON.parse(found.value.json) as RoomEntry;
    if (edit.event !== 'edited' || edit.ref !== seq) return succeed(undefined);
    return succeed({ seq: edit.seq, members: membersOf(withoutContent(edit)) });
  }

  /** Reactions and the number of answers stand beside the message, so that neither writes its text again. */
  function writtenFor(
    { becomes, stamp }: Decision,
    { hasBeside }: Entry,
    message: ChatMessage,
  ): Pick<Amendment, 'members' | 'beside'> {
    const { reactions, replies, ...others } = becomes;
    const counts = reactions || replies ? membersOf({ reactions, replies }) : '';
    // A reaction or an answer changes no other member. Among these an earlier release stored the counts.
    const onlyCounts = stamp === 'revision';
    const wasAmong = !hasBeside && (message.reactions || message.replies) !== undefined;
    return {
      members: onlyCounts && !wasAmong ? undefined : membersOf(others, stamp),
      beside: onlyCounts || counts !== '' ? counts : undefined,
    };
  }

  /** Returns undefined if the message changed meanwhile. */
  async function attempt(change: MessageChange): Promise<Outcome<Appended | undefined>> {
    const { room, seq, dedupe, author, except, reader } = change;
    const found = await entryAt(room, seq);
    if (!found.ok) return found;
    const entry = found.value;
    const message = entry && (JSON.parse(entry.json) as RoomEntry);
    if (!entry || message?.event !== 'broadcast_say' || message.deleted) {
      return known(change, refuse('not_found', 'seq: the room does not hold this message'));
    }
    const decided = change.decide(message);
    if (!decided.ok) return known(change, decided);
    if (decided.value === 'unchanged') {
      const { epoch, id, at } = message;
      return succeed({ epoch, seq, id, at, dup: true });
    }
    const { announcement, stamp, counted } = decided.value;
    const superseded = await supersededBy(room, message, decided.value);
    if (!superseded.ok) return superseded;
    const amendment = {
      seq,
      ...writtenFor(decided.value, entry, message),
      was: entryDigest(entry.json),
      stamp,
      counted,
      superseded: superseded.value,
    };
    const amended = await logs.amend(room, amendment, {
      id: change.id ?? newId(),
      members: announcement,
      dedupe,
      author,
      except,
      reader,
    });
    if (!amended.ok && amended.error.code === 'forbidden') change.onRestricted?.();
    if (amended.ok && amended.value && !amended.value.dup) {
      const { members = '', beside = '' } = amendment;
      change.onRewritten?.(Buffer.byteLength(members) + Buffer.byteLength(beside));
    }
    return amended;
  }

  async function run(change: MessageChange): Promise<Outcome<Appended>> {
    for (let attempts = 0; attempts < MAX_ATTEMPTS; attempts += 1) {
      const amended = await attempt(change);
      if (!amended.ok) return amended;
      const { value } = amended;
      if (!value) continue;
      if (!value.dup) feeds.expectEcho(change.room, value);
      return succeed(value);
    }
    return refuse('rate_limited', 'the message changes too often at once', RETRY_MS);
  }

  return {
    sizes: () => ({ pending: pending.size }),
    apply: (change) => inTurn(`${change.room.tag} ${change.seq}`, () => run(change)),
  };
}

/** The members that the store writes. */
const OF_THE_STORE: ReadonlySet<string> = new Set(['seq', 'epoch', 'id', 'at', 'revision']);

function membersOf(message: Partial<ChatMessage | EditedMessage>, stamp?: Amendment['stamp']): string {
  const isKept = (name: string) => !OF_THE_STORE.has(name) && !(name === 'edited' && stamp === 'edited');
  const kept = Object.entries(message).filter(([name]) => isKept(name));
  return JSON.stringify(Object.fromEntries(kept)).slice(1, -1);
}
