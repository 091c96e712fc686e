import { type Outcome, type Refusal, succeed } from '../../protocol/codes.ts';
import { MAX_PAGE_BYTES } from '../../protocol/limits.ts';
import type { Receipt } from '../../protocol/people.ts';
import type { Blocks } from '../blocks.ts';
import { isHeld, type NotedPosition } from '../held-positions.ts';
import type { InboxMarkers, InboxStore } from '../inbox-store.ts';
import type { LogPage, RoomLogs } from '../log-store.ts';
import { inboxOf, type Room, roomOf } from '../room.ts';
import type { RoomSubscriptions } from '../room-subscriptions.ts';
import type { Roster } from '../roster.ts';
import { parseItem, type StoredItem } from './items.ts';

/*
 * Nothing is stored for receipts. The markers of the receiver's inbox say what arrived and what was read, and the sender's copy
 * of each message says which position the receiver's inbox gave it, and in which epoch: an inbox that was erased since has numbered
 * other messages.
 */

export interface MessageReceiptsDeps {
  readonly logs: Pick<RoomLogs, 'read'>;
  readonly inboxes: Pick<InboxStore, 'markers'>;
  readonly blocks: Pick<Blocks, 'list'>;
  readonly roomSubscriptions: Pick<RoomSubscriptions, 'list'>;
  readonly roster: Pick<Roster, 'isInAny'>;
}

/** A user, with the rooms of the connection that asks or acknowledges. */
export interface Party {
  readonly nsp: string;
  readonly userId: string;
  readonly rooms: readonly Room[];
}

type Markers = Pick<InboxMarkers, 'recv' | 'read'>;

export interface MessageReceipts {
  /** Returns what the senders of private messages between those markers are to hear, one receipt for each. */
  ofReader(
    reader: Party,
    was: Markers,
    now: Markers,
  ): Promise<Outcome<readonly { readonly to: string; readonly receipt: Receipt }[]>>;
  /**
   * Returns the newest receipts of those whom the user has written to last. Each costs the store some calls, so `charge` is asked
   * first whether that many may be looked up.
   */
  ofSender(
    sender: Party,
    charge: (peers: number) => Refusal | undefined,
  ): Promise<Outcome<readonly Receipt[]>>;
}

/** The newest items that are looked through. */
const ITEMS = 200;
const MAX_PEERS = 20;
/** The end of a log, which says what epochs it has. */
const END = { limit: 1, maxBytes: 1 };

interface SentMessage extends NotedPosition {
  readonly id: string;
}

export function createMessageReceipts(deps: MessageReceiptsDeps): MessageReceipts {
  const { logs, inboxes, blocks, roomSubscriptions, roster } = deps;

  async function itemsOf({ nsp, userId }: Party, upTo?: number): Promise<Outcome<StoredItem[]>> {
    const query = { limit: ITEMS, maxBytes: MAX_PAGE_BYTES, ...(upTo !== undefined && { before: upTo + 1 }) };
    const page = await logs.read(inboxOf(nsp, userId), query);
    return page.ok ? succeed(page.value.entries.map(parseItem)) : page;
  }

  /** True if both share a room, as members or away: a receipt tells a stranger nothing. A failure says no. */
  async function shareRoom({ nsp, userId, rooms }: Party, other: string): Promise<boolean> {
    const [own, theirs] = await Promise.all(
      [userId, other].map((id) => roomSubscriptions.list(inboxOf(nsp, id))),
    );
    if (!own?.ok || !theirs?.ok) return false;
    const ids = new Set([...rooms, ...own.value].map(({ roomid }) => roomid));
    if (theirs.value.some(({ roomid }) => ids.has(roomid))) return true;
    const among = await roster.isInAny(
      [...ids].map((roomid) => roomOf(nsp, roomid)),
      other,
    );
    return among.ok && among.value;
  }

  async function blocked(nsp: string, by: string): Promise<Outcome<ReadonlySet<string>>> {
    const listed = await blocks.list(inboxOf(nsp, by));
    return listed.ok ? succeed(new Set(listed.value)) : listed;
  }

  return {
    async ofReader(reader, was, now) {
      const newest = new Map<string, { delivered?: string; read?: string }>();
      for (const [name, from, to] of [
        ['delivered', was.recv, now.recv],
        ['read', was.read, now.read],
      ] as const) {
        if (to <= from) continue;
        const items = await itemsOf(reader, to);
        if (!items.ok) return items;
        for (const { kind, seq, id, from: sender } of items.value) {
          if (kind !== 'private' || seq <= from || !sender || sender.id === reader.userId) continue;
          newest.set(sender.id, { ...newest.get(sender.id), [name]: id });
        }
      }
      if (newest.size === 0) return succeed([]);
      const refused = await blocked(reader.nsp, reader.userId);
      if (!refused.ok) return refused;
      const senders = [...newest].filter(([id]) => !refused.value.has(id));
      const known = await Promise.all(senders.map(([id]) => shareRoom(reader, id)));
      return succeed(
        senders
          .filter((_, index) => known[index])
          .map(([to, ids]) => ({ to, receipt: { by: reader.userId, ...ids } })),
      );
    },

    async ofSender(sender, charge) {
      const items = await itemsOf(sender);
      if (!items.ok) return items;
      const sent = new Map<string, SentMessage[]>();
      for (const { kind, id, from, data, receiverSeq: seq, receiverEpoch: epoch } of items.value.reverse()) {
        const { to } = data as { readonly to?: string };
        if (kind !== 'private' || from?.id !== sender.userId || seq === undefined || to === undefined)
          continue;
        const known = sent.get(to);
        if (known) known.push({ id, seq, epoch });
        else if (sent.size < MAX_PEERS) sent.set(to, [{ id, seq, epoch }]);
      }
      const refusal = sent.size > 0 ? charge(sent.size) : undefined;
      if (refusal) return refusal;
      const receipts = await Promise.all(
        [...sent].map(async ([by, messages]): Promise<Outcome<Receipt | undefined>> => {
          const inbox = inboxOf(sender.nsp, by);
          const [markers, end, refused, known] = await Promise.all([
            inboxes.markers(inbox),
            logs.read(inbox, END),
            blocked(sender.nsp, by),
            shareRoom(sender, by),
          ]);
          if (!markers.ok) return markers;
          if (!end.ok) return end;
          if (!refused.ok) return refused;
          const upTo = (marker: number) => newestUpTo(marker, messages, end.value)?.id;
          const [delivered, read] = [upTo(markers.value.recv), upTo(markers.value.read)];
          if (!known || refused.value.has(sender.userId) || delivered === undefined)
            return succeed(undefined);
          return succeed({ by, delivered, ...(read !== undefined && { read }) });
        }),
      );
      const failed = receipts.find((one) => !one.ok);
      if (failed && !failed.ok) return failed;
      return succeed(receipts.flatMap((one) => (one.ok && one.value ? [one.value] : [])));
    },
  };
}

/** The newest come first. */
function newestUpTo(marker: number, messages: readonly SentMessage[], log: LogPage): SentMessage | undefined {
  return messages.find((message) => message.seq <= marker && isHeld(log, message));
}
