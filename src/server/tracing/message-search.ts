import { dedupeScope } from '../../chat/identity.ts';
import { directMessageScope } from '../../chat/inbox/direct-messages.ts';
import type { Entry, KnownMessage, LogPage, LogTop, RoomLogs } from '../../chat/log-store.ts';
import { inboxOf, type Room, roomOf } from '../../chat/room.ts';
import type { Roster } from '../../chat/roster.ts';
import type { FoundMessages, TracedMessage, TraceQuery, UserTrace } from '../../message-trace.ts';
import { type Outcome, refuse, succeed } from '../../protocol/codes.ts';
import { MAX_PAGE_BYTES } from '../../protocol/limits.ts';
import { createUserTracer, type UserTracerDeps } from './user-trace.ts';

export interface MessageSearchDeps extends UserTracerDeps {
  readonly logs: Pick<RoomLogs, 'read' | 'tops' | 'known'>;
  readonly roster: UserTracerDeps['roster'] & Pick<Roster, 'rooms'>;
  readonly namespaces: readonly string[];
  /** A clock that never goes back, ms. */
  readonly now: () => number;
}

/** Finds the message in the store. An id may name several: authors choose their `clientMsgId`s, each in each room. */
export type FindMessages = (query: TraceQuery) => Promise<Outcome<FoundMessages>>;

/** Bounds what one question costs the store, which serves clients meanwhile. */
const MAX_LOGS = 200;
const MAX_SEARCH_MS = 5_000;
const MAX_MESSAGES = 5;
const PAGE = 200;

export function createMessageSearch(deps: MessageSearchDeps): FindMessages {
  const { logs, roster, roomSubscriptions, namespaces, now } = deps;
  const traceUser = createUserTracer(deps);

  async function messageAt(room: Room, seq: number): Promise<Outcome<TracedMessage>> {
    const tops = await logs.tops([room]);
    if (!tops.ok) return tops;
    const [end] = tops.value;
    // Reading the log of a room that nobody has used would begin an epoch.
    if (end?.epoch === undefined)
      return succeed({ ...placeOf(room, '', seq), state: 'never', first: 1, top: 0 });
    const page = await logs.read(room, { after: seq - 1, limit: 1, maxBytes: 1 });
    if (!page.ok) return page;
    const [entry] = page.value.entries;
    if (entry?.seq === seq) return succeed(describe(room, entry, page.value));
    const { epoch, first, top } = page.value;
    return succeed({ ...placeOf(room, epoch, seq), state: seq > top ? 'never' : 'trimmed', first, top });
  }

  /** Reads the log from its end, since most questions are about something recent. */
  async function searchLog(room: Room, id: string, isLate: () => boolean): Promise<Outcome<TracedMessage[]>> {
    const found: TracedMessage[] = [];
    const wanted = JSON.stringify(id);
    let before: number | undefined;
    while (!isLate()) {
      const page = await logs.read(room, {
        limit: PAGE,
        maxBytes: MAX_PAGE_BYTES,
        ...(before === undefined ? {} : { before }),
      });
      if (!page.ok) return page;
      for (const entry of page.value.entries) {
        // Parsing every entry would take most of the time.
        if (!entry.json.includes(wanted)) continue;
        const message = describe(room, entry, page.value);
        if (message.id === id || message.clientMsgId === id) found.push(message);
      }
      const [oldest] = page.value.entries;
      if (!page.value.more || !oldest) break;
      before = oldest.seq;
    }
    return succeed(found);
  }

  /** The messages that the store remembers under the user's `clientMsgId`; their entries may not name it. */
  async function remembered(room: Room, id: string, userId: string): Promise<Outcome<TracedMessage[]>> {
    const found: TracedMessage[] = [];
    for (const scope of scopesIn(room, userId)) {
      const one = await rememberedIn(room, scope, id, userId);
      if (!one.ok) return one;
      found.push(...one.value);
    }
    return succeed(found);
  }

  async function rememberedIn(
    room: Room,
    scope: string,
    id: string,
    userId: string,
  ): Promise<Outcome<TracedMessage[]>> {
    const known = await logs.known(room, { scope, clientMsgId: id });
    if (!known.ok) return known;
    if (!known.value) return succeed([]);
    const page = await logs.read(room, { after: known.value.seq - 1, limit: 1, maxBytes: 1 });
    if (!page.ok) return page;
    const [entry] = page.value.entries;
    const held = entry && describe(room, entry, page.value);
    const about = { clientMsgId: id, author: userId };
    if (held?.id === known.value.id) return succeed([{ ...held, ...about }]);
    return succeed([{ ...goneFrom(room, known.value, page.value), ...about }]);
  }

  /** The logs that may have the message, those of the user first. */
  async function candidates(
    nsp: string,
    { roomid, userId, receiverId }: TraceQuery,
  ): Promise<Outcome<{ rooms: Room[]; everyLog: boolean }>> {
    const owners = new Set([receiverId, userId].filter((owner) => owner !== undefined));
    const inboxes = Array.from(owners, (owner) => inboxOf(nsp, owner));
    if (receiverId !== undefined) return succeed({ rooms: inboxes, everyLog: true });
    if (roomid !== undefined) return succeed({ rooms: [roomOf(nsp, roomid), ...inboxes], everyLog: true });
    const own = inboxes[0] ? await roomSubscriptions.list(inboxes[0]) : succeed([]);
    if (!own.ok) return own;
    const listed = await roster.rooms(nsp, { limit: MAX_LOGS });
    if (!listed.ok) return listed;
    const ids = new Set([...own.value, ...listed.value.rooms].map((room) => room.roomid));
    const all = [...inboxes, ...Array.from(ids, (id) => roomOf(nsp, id))];
    // Rooms that nobody is in are listed nowhere.
    return succeed({ rooms: all.slice(0, MAX_LOGS), everyLog: false });
  }

  async function search(nsp: string, id: string, query: TraceQuery): Promise<Outcome<FoundMessages>> {
    const deadline = now() + MAX_SEARCH_MS;
    const isLate = () => now() > deadline;
    const where = await candidates(nsp, query);
    if (!where.ok) return where;
    const tops = await logs.tops(where.value.rooms);
    if (!tops.ok) return tops;
    // A search that left out the rooms of a server would say that the message is in none of them.
    if (tops.value.includes(undefined)) return refuse('unavailable', 'the store is not available', 1_000);
    const rooms = where.value.rooms.filter((_, index) => isBegun(tops.value[index]));
    const messages: TracedMessage[] = [];
    let searched = 0;
    for (const room of rooms) {
      if (isLate() || messages.length >= MAX_MESSAGES) break;
      const found = await searchLog(room, id, isLate);
      if (!found.ok) return found;
      searched += isLate() ? 0 : 1;
      const { userId } = query;
      const isKnown = found.value.some(({ author }) => author === userId);
      const known = userId === undefined || isKnown ? succeed([]) : await remembered(room, id, userId);
      if (!known.ok) return known;
      const others = known.value.filter(({ seq }) => !found.value.some((one) => one.seq === seq));
      messages.push(...found.value, ...others);
    }
    const everyLog = where.value.everyLog && searched === rooms.length;
    return succeed({
      nsp,
      messages: messages.slice(0, MAX_MESSAGES),
      searched: { logs: searched, everyLog, records: query.userId !== undefined },
    });
  }

  async function withUser(found: FoundMessages, userId: string): Promise<Outcome<FoundMessages>> {
    const messages: TracedMessage[] = [];
    for (const message of found.messages) {
      const user: Outcome<UserTrace> = await traceUser(message, userId);
      if (!user.ok) return user;
      messages.push({ ...message, user: user.value });
    }
    return succeed({ ...found, messages });
  }

  return async (query) => {
    const nsp = query.nsp ?? (namespaces.includes('/') ? '/' : (namespaces[0] ?? '/'));
    if (!namespaces.includes(nsp)) return refuse('not_found', `${nsp} is no namespace of this server`);
    const { id, roomid, seq, userId } = query;
    let found: Outcome<FoundMessages>;
    if (roomid !== undefined && seq !== undefined) {
      const message = await messageAt(roomOf(nsp, roomid), seq);
      found = message.ok ? succeed({ nsp, messages: [message.value] }) : message;
    } else if (id !== undefined) found = await search(nsp, id, query);
    else return refuse('bad_request', 'an id, or a room and a seq, must be given');
    return found.ok && userId !== undefined ? withUser(found.value, userId) : found;
  };
}

/** The scopes of the user's `clientMsgId`s in that room or inbox. */
function scopesIn({ kind, roomid }: Room, userId: string): string[] {
  const own = dedupeScope({ user: { id: userId } });
  if (kind === 'room') return [own];
  return (['private', 'todo'] as const).map((item) => directMessageScope(item, roomid, own));
}

const isBegun = (end: LogTop | undefined) => end !== undefined && end.top > 0;

function placeOf({ nsp, kind, roomid }: Room, epoch: string, seq: number) {
  return { nsp, kind: kind === 'inbox' ? kind : ('room' as const), roomid, epoch, seq };
}

/** The members of an entry or item that a trace shows. */
interface ShownMembers {
  readonly id: string;
  readonly at: number;
  readonly clientMsgId?: string;
  readonly event?: string;
  readonly kind?: string;
  readonly deleted?: boolean;
  readonly from?: { readonly id?: string };
  readonly data?: { readonly userId?: string };
}

function describe(room: Room, entry: Entry, { first, top }: LogPage): TracedMessage {
  const { id, at, clientMsgId, event, kind, deleted, from, data } = JSON.parse(entry.json) as ShownMembers;
  const author = room.kind === 'inbox' ? from?.id : data?.userId;
  return {
    ...placeOf(room, entry.epoch, entry.seq),
    state: deleted ? 'deleted' : 'stored',
    id,
    at,
    first,
    top,
    event: event ?? kind ?? '',
    ...(clientMsgId === undefined ? {} : { clientMsgId }),
    ...(author === undefined ? {} : { author }),
    ...(entry.except === undefined ? {} : { except: entry.except }),
  };
}

function goneFrom(room: Room, { epoch, seq, id, at }: KnownMessage, page: LogPage): TracedMessage {
  const { first, top } = page;
  const earlier = page.previousEpochs.find((one) => one.epoch === epoch);
  const isLost = epoch === page.epoch ? seq > top : seq > (earlier?.upTo ?? 0);
  return { ...placeOf(room, epoch, seq), state: isLost ? 'lost' : 'trimmed', id, at, first, top };
}
