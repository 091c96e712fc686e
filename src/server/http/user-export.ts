import type { Blocks } from '../../chat/blocks.ts';
import { parseItem, toItem } from '../../chat/inbox/items.ts';
import type { InboxMarkers, InboxStore } from '../../chat/inbox-store.ts';
import type { Entry, RoomLogs } from '../../chat/log-store.ts';
import type { Moderation } from '../../chat/moderation.ts';
import { inboxOf, type Room, roomOf } from '../../chat/room.ts';
import type { RoomSubscription, RoomSubscriptions } from '../../chat/room-subscriptions.ts';
import { type Outcome, succeed } from '../../protocol/codes.ts';
import { MAX_HISTORY, MAX_PAGE_BYTES } from '../../protocol/limits.ts';
import type { RoomEntry } from '../../protocol/rooms.ts';
import { isFromBackEnd } from '../delivery/inbox-delivery.ts';
import { messageOf } from '../delivery/messages.ts';
import type { ExportLine } from './export-lines.ts';

export interface UserExportStores {
  readonly inboxes: Pick<InboxStore, 'markers' | 'progress'>;
  readonly logs: Pick<RoomLogs, 'read' | 'unread'>;
  readonly blocks: Pick<Blocks, 'list'>;
  readonly roomSubscriptions: Pick<RoomSubscriptions, 'list'>;
  readonly moderation: Pick<Moderation, 'restrictions'>;
}

export interface UserExportDeps extends UserExportStores {
  /** Runs each step that asks the store. */
  readonly inTurn: <T>(step: () => Promise<Outcome<T>>) => Promise<Outcome<T>>;
  /** Ms since 1970. */
  readonly now: () => number;
}

/** The part that is read at once, before the pages. */
export interface ExportBeginning {
  readonly markers: InboxMarkers;
  readonly rooms: readonly RoomSubscription[];
  readonly blocked: readonly string[];
}

/** A page of lines for each step, none longer than a page of the log; returns why the store did not answer one of them. */
export type ExportPages = AsyncGenerator<readonly ExportLine[], Outcome<unknown>, undefined>;

/** No index leads from a user to these. */
const LACKS = [
  'messages, bans and mutes in rooms that are not among the user’s rooms: a guest’s, those that were left, and beyond 1,000 rooms those joined or read longest ago',
  'what the logs no longer hold',
  'todos that the user has sent, and mentions by the user: they stand in the inboxes of their receivers',
  'messages, edits and mentions of others that name the user',
  'users who have blocked the user',
  'tokens that were revoked by their jti',
  'the ids and answers that are remembered for repeated requests, for about twice DEDUPE_TTL_S',
  'how far the user had read rooms that were left',
  'in which place of the inbox each push stands, and up to where webhooks about the user were sent',
  'the rooms and connections of this moment',
  'backups and log files',
];

export async function beginExport(
  { inboxes, roomSubscriptions, blocks }: Pick<UserExportStores, 'inboxes' | 'roomSubscriptions' | 'blocks'>,
  inbox: Room,
): Promise<Outcome<ExportBeginning>> {
  const [markers, rooms, blocked] = await Promise.all([
    inboxes.markers(inbox, {}),
    roomSubscriptions.list(inbox),
    blocks.list(inbox),
  ]);
  if (!markers.ok) return markers;
  if (!rooms.ok) return rooms;
  if (!blocked.ok) return blocked;
  return succeed({ markers: markers.value, rooms: rooms.value, blocked: blocked.value });
}

/** Reads what is stored about the user, one bounded page at a time and only when asked for the next. */
export async function* exportOf(
  deps: UserExportDeps,
  { nsp, userId }: { readonly nsp: string; readonly userId: string },
  { markers, rooms, blocked }: ExportBeginning,
): ExportPages {
  const { inboxes, logs, moderation, inTurn, now } = deps;
  const inbox = inboxOf(nsp, userId);
  const counts = { blocks: blocked.length, items: 0, rooms: rooms.length, messages: 0 };

  /** The entries that were there at the first page: a log that is written meanwhile has an end too. */
  async function* entriesOf(room: Room): AsyncGenerator<readonly Entry[], Outcome<unknown>, undefined> {
    let after = 0;
    let end = Number.POSITIVE_INFINITY;
    for (;;) {
      const query = { after, limit: MAX_HISTORY, maxBytes: MAX_PAGE_BYTES };
      const page = await inTurn(() => logs.read(room, query));
      if (!page.ok) return page;
      const { entries, more, top } = page.value;
      end = Math.min(end, top);
      yield entries.filter(({ seq }) => seq <= end);
      after = entries.at(-1)?.seq ?? end;
      if (!more || after >= end) return succeed(undefined);
    }
  }

  async function* itemPages(): ExportPages {
    const pages = entriesOf(inbox);
    for (;;) {
      const { done, value } = await pages.next();
      if (done) return value;
      const asked = value.map(({ epoch, seq }) => ({ inbox, epoch, seq }));
      const progress = await inTurn(() => inboxes.progress(asked));
      if (!progress.ok) return progress;
      counts.items += value.length;
      yield value.map((entry, index): ExportLine => {
        const stored = parseItem(entry);
        const { sentAt, recvAt: deliveredAt, readAt } = progress.value[index] ?? {};
        const { expiresAt } = stored;
        const times = { ...(isFromBackEnd(stored) && { sentAt }), deliveredAt, readAt };
        return { type: 'item', item: toItem(stored), expiresAt, ...times };
      });
    }
  }

  async function* messagePages(room: Room): ExportPages {
    const pages = entriesOf(room);
    for (;;) {
      const { done, value } = await pages.next();
      if (done) return value;
      const own = value.map(messageOf).filter((message) => authorOf(message) === userId);
      counts.messages += own.length;
      yield own.map((message): ExportLine => ({ type: 'message', message }));
    }
  }

  async function* roomPages({ roomid, read }: RoomSubscription): ExportPages {
    const room = roomOf(nsp, roomid);
    const found = await inTurn(() => moderation.restrictions(room, userId));
    if (!found.ok) return found;
    // A message of the user's own counts as read, without a marker of its own.
    const unread = await inTurn(() => logs.unread([{ room, reader: inbox.tag, read }]));
    if (!unread.ok) return unread;
    yield [{ type: 'room', roomid, readSeq: unread.value[0]?.read ?? read, ...found.value }];
    return yield* messagePages(room);
  }

  yield [
    { type: 'header', userId, ns: nsp, at: Math.floor(now()), lacks: LACKS },
    ...exclusionLines(markers),
    { type: 'inbox', recvSeq: markers.recv, readSeq: markers.read },
    ...blocked.map((id): ExportLine => ({ type: 'block', userId: id })),
  ];
  const items = yield* itemPages();
  if (!items.ok) return items;
  for (const room of rooms) {
    const messages = yield* roomPages(room);
    if (!messages.ok) return messages;
  }
  yield [{ type: 'end', ...counts }];
  return succeed(undefined);
}

function exclusionLines({ exclusion }: InboxMarkers): readonly ExportLine[] {
  if (!exclusion) return [];
  const { ban, issuedBefore: revokedBefore } = exclusion;
  return [{ type: 'exclusion', ban, revokedBefore }];
}

function authorOf(entry: RoomEntry): string | undefined {
  return entry.event === 'broadcast_say' ? entry.data.userId : entry.by?.userId;
}
