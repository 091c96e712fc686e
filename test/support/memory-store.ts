import { isOtherContent, refuseReusedId } from '../../src/backend/reused-id.ts';
import { entryDigest } from '../../src/chat/entry-digest.ts';
import { exclusionNames, exclusionOf, revocationRow } from '../../src/chat/exclusions.ts';
import { isHeld } from '../../src/chat/held-positions.ts';
import type { ClaimResult, IdempotencyStore } from '../../src/chat/idempotency.ts';
import type {
  InboxMarkers,
  InboxStore,
  ItemProgress,
  PushPositions,
  PushStore,
} from '../../src/chat/inbox-store.ts';
import { besideText, joinedEntry } from '../../src/chat/joined-entry.ts';
import {
  type Amendment,
  type Appended,
  type Draft,
  type Entry,
  type LogPage,
  type LogQuery,
  NO_EPOCH,
  type PreviousEpoch,
  type Replaced,
  type RoomBus,
  type RoomLogs,
  type UnreadCount,
  type UnreadQuery,
} from '../../src/chat/log-store.ts';
import {
  type ActiveRestriction,
  type Moderation,
  refuseMoreRestrictions,
} from '../../src/chat/moderation.ts';
import type { Room } from '../../src/chat/room.ts';
import type { RoomReaders } from '../../src/chat/room-readers.ts';
import type { Roster } from '../../src/chat/roster.ts';
import { refuseUnopened, type UnopenedContent, withItem } from '../../src/chat/unopened-inbox.ts';
import { type Outcome, refuse, succeed } from '../../src/protocol/codes.ts';
import { createMemoryHooks } from './memory-hooks.ts';
import { createMemoryLoggedRooms } from './memory-logged-rooms.ts';

const away = () => refuse('unavailable', 'away', 1);

interface Log {
  epoch?: string;
  previousEpochs: readonly PreviousEpoch[];
  top: number;
  /** Oldest first; the log dropped what is older. */
  entries: Entry[];
  /** Notices, and entries that `replace` put others in the place of. */
  readonly uncounted: Set<number>;
  /** What stands beside the entries. */
  readonly beside: Map<number, string>;
  /** The newest message of each reader, or the mark. */
  readonly said: Map<string, number>;
  hasMarks?: true;
  readonly answers: Map<string, Appended & { readonly content: string | undefined }>;
  readonly steps: Record<'sent' | 'recv' | 'read', { seq: number; at: number }[]>;
  news?: InboxMarkers['announcements'];
  /** The content of an inbox that nobody has opened; `opened`: somebody has, whatever it holds. */
  unopened?: UnopenedContent | undefined;
  opened?: true;
}

export interface MemoryStoreOptions {
  readonly historySize?: number;
  readonly inboxSize?: number;
  /** Where its clock stands, which goes on by 1 ms with each write. */
  readonly now?: number;
  readonly newEpoch?: () => string;
}

/**
 * Logs, inboxes, pushes and claims in memory, which pass the contract of the backends. It refuses
 * what the test says.
 */
export function createMemoryStore({
  historySize = 1_000,
  inboxSize = 1_000,
  now = 1_000,
  newEpoch = () => 'e1',
}: MemoryStoreOptions = {}) {
  const logs = new Map<string, Log>();
  const claimed = new Map<string, { id: string; fingerprint: string; running?: string; answer?: string }>();
  const pushed = new Map<string, PushPositions>();
  const listeners = new Map<string, Set<(entry: Entry) => void>>();
  const resyncs: (() => void)[] = [];
  const restrictions = new Map<string, { ban?: ActiveRestriction; mute?: ActiveRestriction }>();
  const connected = new Map<string, number>();
  const members = new Map<string, ReadonlySet<string>>();
  let clock = now;
  let failing: (what: string, room?: Room) => boolean = () => false;

  function logOf(room: Room): Log {
    const log = logs.get(room.tag) ?? {
      previousEpochs: [],
      top: 0,
      entries: [],
      uncounted: new Set(),
      beside: new Map(),
      said: new Map(),
      answers: new Map(),
      steps: { sent: [], recv: [], read: [] },
    };
    logs.set(room.tag, log);
    return log;
  }

  function append(room: Room, draft: Draft): Outcome<Appended> {
    const written = write(room, draft);
    if (!written.ok) return written;
    const { entry, appended } = written.value;
    // Later than the call and before its answer: a subscription closed meanwhile hears nothing.
    if (entry) queueMicrotask(() => publish(room, entry));
    return succeed(appended);
  }

  function publish(room: Room, entry: Entry): void {
    for (const listener of listeners.get(room.tag) ?? []) listener(entry);
  }

  /** An append that is not published; without an entry if the message was known. */
  function write(room: Room, draft: Draft): Outcome<{ readonly appended: Appended; readonly entry?: Entry }> {
    const log = logOf(room);
    const { scope, clientMsgId, content } = draft.dedupe ?? {};
    const key = draft.dedupe && JSON.stringify([scope, clientMsgId]);
    const known = key === undefined ? undefined : log.answers.get(key);
    if (known) {
      const { content: first = content, ...answer } = known;
      return content === undefined || first === content
        ? succeed({ appended: { ...answer, dup: true } })
        : refuseReusedId();
    }
    const isOpened = (connected.get(room.tag) ?? 0) > 0 || log.opened || (log.top > 0 && !log.unopened);
    const bounded = room.kind === 'inbox' && draft.bounded && !isOpened;
    const held = log.unopened ?? { items: 0, bytes: 0 };
    const unopened = bounded ? withItem(held, Buffer.byteLength(draft.members)) : undefined;
    if (bounded && !unopened) return refuseUnopened(room);
    log.unopened = unopened;
    clock += 1;
    log.top += 1;
    log.epoch ??= newEpoch();
    const appended = { epoch: log.epoch, seq: log.top, id: draft.id, at: clock, dup: false };
    const { seq, epoch } = appended;
    const json = jsonOf(appended, draft.members);
    const entry = { epoch, seq, json, ...(draft.except === undefined ? {} : { except: draft.except }) };
    log.entries.push(entry);
    const size = room.kind === 'room' ? historySize : inboxSize;
    if (log.entries.length > size) log.entries = log.entries.slice(-size);
    if (key !== undefined) log.answers.set(key, { ...appended, content });
    if (draft.reader !== undefined) log.said.set(draft.reader, seq);
    return succeed({ appended, entry });
  }

  function replace(room: Room, seq: number, members: string, notice?: Draft): Replaced | undefined {
    const { entries, uncounted, beside } = logOf(room);
    const index = entries.findIndex((entry) => entry.seq === seq);
    const stored = entries[index];
    if (!stored) return undefined;
    const json = jsonOf(JSON.parse(stored.json) as Appended, members);
    if (json === stored.json) return {};
    entries[index] = { ...stored, json };
    beside.delete(seq);
    uncounted.add(seq);
    const told = notice && append(room, notice);
    if (!told?.ok) return {};
    uncounted.add(told.value.seq);
    return { notice: told.value };
  }

  function amend(room: Room, amendment: Amendment, notice: Draft): Outcome<Appended | undefined> {
    const { seq, members, beside, was, stamp, counted, superseded } = amendment;
    const log = logOf(room);
    const { scope, clientMsgId } = notice.dedupe ?? {};
    const known = notice.dedupe && log.answers.has(JSON.stringify([scope, clientMsgId]));
    const stored = log.entries.find((entry) => entry.seq === seq);
    const read = stored && joinedEntry(stored.json, log.beside.get(seq));
    if (!known && (read === undefined || entryDigest(read) !== was)) return succeed(undefined);
    const appended = append(room, notice);
    if (!appended.ok || appended.value.dup || !stored) return appended;
    const { at, seq: noticeSeq } = appended.value;
    const edited = stamp === 'edited' ? `,"edited":${JSON.stringify({ at, seq: noticeSeq })}` : '';
    const stamps = stamp && beside === undefined ? `${edited},"revision":${noticeSeq}` : edited;
    const position = JSON.parse(stored.json) as Appended;
    const json = members === undefined ? stored.json : jsonOf(position, members + stamps);
    if (beside === undefined) log.beside.delete(seq);
    else log.beside.set(seq, besideText(beside, noticeSeq));
    log.entries = log.entries.map((entry) => {
      if (entry.seq === seq) return { ...entry, json };
      if (entry.seq !== superseded?.seq) return entry;
      return { ...entry, json: jsonOf(JSON.parse(entry.json) as Appended, superseded.members) };
    });
    if (counted === undefined) log.uncounted.add(seq);
    if (counted !== 'both') log.uncounted.add(noticeSeq);
    return appended;
  }

  function page(room: Room, { before = Infinity, after, limit, maxBytes }: LogQuery): LogPage {
    const log = logs.get(room.tag) ?? (room.kind === 'room' ? logOf(room) : undefined);
    if (room.kind === 'room' && log) log.epoch ??= newEpoch();
    const top = log?.top ?? 0;
    const range = (log?.entries ?? [])
      .filter(({ seq }) => seq < before && seq > (after ?? 0))
      .map((entry): Entry => {
        const beside = log?.beside.get(entry.seq);
        if (beside === undefined) return entry;
        return { ...entry, json: joinedEntry(entry.json, beside), hasBeside: true };
      });
    const wanted = after === undefined ? range.slice(-limit).reverse() : range.slice(0, limit);
    let bytes = 0;
    const end = wanted.findIndex(({ json }, index) => {
      bytes += Buffer.byteLength(json);
      return index > 0 && bytes > maxBytes;
    });
    const entries = end < 0 ? wanted : wanted.slice(0, end);
    if (after === undefined) entries.reverse();
    return {
      epoch: log?.epoch ?? NO_EPOCH,
      top,
      previousEpochs: log?.previousEpochs ?? [],
      first: log?.entries[0]?.seq ?? top + 1,
      entries,
      more: entries.length < range.length,
      ...(log?.hasMarks && { hasMarks: true as const }),
    };
  }

  function unread({ room, reader, read }: UnreadQuery): UnreadCount {
    const { top = 0, entries = [], said, uncounted } = logs.get(room.tag) ?? {};
    const mark = Math.max(read, (reader === undefined ? undefined : said?.get(reader)) ?? 0);
    const counted = entries.filter(({ seq }) => seq > mark && !uncounted?.has(seq));
    return { top, read: mark, unread: counted.length };
  }

  const top = (log: Log, kind: keyof Log['steps']) => log.steps[kind].at(-1)?.seq ?? 0;
  const marksOf = (room: Room): InboxMarkers => {
    const log = logOf(room);
    const { news } = log;
    return {
      recv: top(log, 'recv'),
      read: top(log, 'read'),
      ...(news === undefined ? {} : { announcements: news }),
    };
  };

  function answer<T>(what: string, room: Room | undefined, work: () => T): Promise<Outcome<T>> {
    return Promise.resolve(failing(what, room) ? away() : succeed(work()));
  }

  const roomLogs: RoomLogs = {
    async append(room, draft) {
      const appended = await answer('append', room, () => append(room, draft));
      return appended.ok ? appended.value : appended;
    },
    read: (room, query) => answer('read', room, () => page(room, query)),
    replace: (room, seq, members, notice) =>
      answer('replace', room, () => replace(room, seq, members, notice)),
    async amend(room, amendment, notice) {
      const amended = await answer('amend', room, () => amend(room, amendment, notice));
      return amended.ok ? amended.value : amended;
    },
    unread: (asked) => answer('unread', undefined, () => asked.map(unread)),
    async known(room, { scope, clientMsgId, content }) {
      const found = await answer('known', room, () =>
        logs.get(room.tag)?.answers.get(JSON.stringify([scope, clientMsgId])),
      );
      if (!found.ok || !found.value) return found;
      const { epoch, seq, id, at, content: first } = found.value;
      return isOtherContent(first, { content }) ? refuseReusedId() : succeed({ epoch, seq, id, at });
    },
    tops: (rooms) =>
      answer('tops', undefined, () =>
        rooms.map((room) => {
          const { epoch, top = 0 } = logs.get(room.tag) ?? {};
          return { top, ...(epoch === undefined ? {} : { epoch }) };
        }),
      ),
  };

  const roomReaders: RoomReaders = {
    raise: (room, reader, seq) =>
      answer('raiseReader', room, () => {
        const log = logs.get(room.tag);
        if (!log) return;
        log.hasMarks = true;
        log.said.set(reader, Math.max(seq, log.said.get(reader) ?? 0));
        const furthest = [...log.said].sort(([, one], [, other]) => other - one);
        for (const [lowest] of furthest.slice(historySize)) log.said.delete(lowest);
      }),
    marks: (room, readers) =>
      answer('readers', room, () => readers.map((reader) => logs.get(room.tag)?.said.get(reader))),
    count: (room, seq) =>
      answer(
        'readers',
        room,
        () => [...(logs.get(room.tag)?.said.values() ?? [])].filter((mark) => mark >= seq).length,
      ),
  };

  const inboxes: InboxStore = {
    markers: (inbox, login) =>
      answer('marks', inbox, () => {
        if (!login) return marksOf(inbox);
        const log = logOf(inbox);
        if (login.opens === 'lastingly' || (login.opens && log.unopened))
          Object.assign(log, { unopened: undefined, opened: true });
        const rows = exclusionNames(inbox.roomid, login.jti).map(
          (name) => restrictions.get(`${inbox.tag} ${name}`)?.ban,
        );
        return { ...marksOf(inbox), ...exclusionOf(rows) };
      }),
    raise: (inbox, { sent, read, recv }) =>
      answer('raise', inbox, () => {
        const log = logOf(inbox);
        const was = { recv: top(log, 'recv'), read: top(log, 'read') };
        const given = { sent, recv: Math.max(recv ?? 0, read ?? 0), read };
        clock += 1;
        for (const kind of ['sent', 'recv', 'read'] as const) {
          const seq = Math.min(given[kind] ?? 0, log.top);
          if (seq > top(log, kind)) log.steps[kind].push({ seq, at: clock });
        }
        return { ...marksOf(inbox), was };
      }),
    appendAnnouncement: (inbox, draft, { was, becomes }) =>
      answer('appendAnnouncement', inbox, () => {
        const log = logOf(inbox);
        if (JSON.stringify(log.news) !== JSON.stringify(was)) return false;
        log.news = becomes;
        append(inbox, draft);
        return true;
      }),
    erase: (inbox) => answer('erase', inbox, () => void logs.delete(inbox.tag)),
    progress: (items) =>
      answer('progress', undefined, () =>
        items.map(({ inbox, ...noted }): ItemProgress => {
          const { epoch = NO_EPOCH, previousEpochs, steps } = logOf(inbox);
          if (!isHeld({ epoch, previousEpochs }, noted)) return {};
          const when = (kind: keyof typeof steps) => steps[kind].find((step) => step.seq >= noted.seq)?.at;
          const [sentAt, recvAt, readAt] = [when('sent'), when('recv'), when('read')];
          return {
            ...(sentAt === undefined ? {} : { sentAt }),
            ...(recvAt === undefined ? {} : { recvAt }),
            ...(readAt === undefined ? {} : { readAt }),
          };
        }),
      ),
  };

  const pushes: PushStore = {
    save: (id, { nsp, positions: places }) =>
      answer('keep', undefined, () => {
        const byUser = new Map((pushed.get(id)?.positions ?? []).map((one) => [one.userId, one]));
        for (const place of places) byUser.set(place.userId, place);
        pushed.set(id, { nsp, positions: [...byUser.values()] });
      }),
    find: (id) => answer('find', undefined, () => pushed.get(id)),
  };

  const claims: IdempotencyStore = {
    claim: (key, fingerprint, id) =>
      answer('claim', undefined, (): ClaimResult => {
        const claim = claimed.get(key) ?? { id, fingerprint };
        claimed.set(key, claim);
        if (claim.fingerprint !== fingerprint) return { state: 'mismatch' };
        if (claim.answer !== undefined) return { state: 'answered', answer: claim.answer };
        if (claim.running !== undefined) return { state: 'running' };
        claim.running = id;
        return { state: 'granted', id: claim.id };
      }),
    complete: (key, id, given) =>
      answer('settle', undefined, () => {
        const claim = claimed.get(key);
        if (claim && given !== undefined) claim.answer ??= given;
        if (claim?.running === id) delete claim.running;
      }),
  };

  const moderation: Moderation = {
    restrict: async (room, userId, kind, seconds, most = Number.POSITIVE_INFINITY) => {
      const held = [...restrictions.keys()].filter((key) => key.startsWith(`${room.tag} `));
      if (held.length >= most && !held.includes(`${room.tag} ${userId}`)) return refuseMoreRestrictions(most);
      return answer('restrict', room, () => {
        const restricted = seconds === undefined ? {} : { until: clock + seconds * 1_000 };
        const key = `${room.tag} ${userId}`;
        restrictions.set(key, { ...restrictions.get(key), [kind]: restricted });
        return restricted;
      });
    },
    lift: (room, userId, kind) =>
      answer('lift', room, () => {
        const { [kind]: lifted, ...others } = restrictions.get(`${room.tag} ${userId}`) ?? {};
        restrictions.set(`${room.tag} ${userId}`, others);
        return lifted !== undefined;
      }),
    revoke: (inbox, tokens, at) =>
      answer('revoke', inbox, () => {
        const { name, until } = revocationRow(tokens, at);
        const key = `${inbox.tag} ${name}`;
        const earlier = restrictions.get(key)?.ban?.until ?? 0;
        restrictions.set(key, { ban: { until: Math.max(earlier, until) } });
      }),
    restrictions: (room, userId) =>
      answer('restrictions', room, () => restrictions.get(`${room.tag} ${userId}`) ?? {}),
  };

  const bus: RoomBus = {
    notify: async () => succeed(undefined),
    probe: async () => succeed(undefined),
    reconnect: () => undefined,
    onResync: (listener) => void resyncs.push(listener),
    async subscribe(room, onEntry) {
      if (failing('subscribe', room)) return away();
      const listening = listeners.get(room.tag) ?? new Set();
      listeners.set(room.tag, listening.add(onEntry));
      return succeed({ close: () => void listening.delete(onEntry) });
    },
  };

  const roster: Pick<Roster, 'connections' | 'isInAny' | 'setConnections'> = {
    connections: (rooms) =>
      answer('connections', undefined, () => rooms.map(({ tag }) => connected.get(tag) ?? 0)),
    isInAny: (rooms, userId) =>
      answer('isInAny', undefined, () => rooms.some(({ tag }) => members.get(tag)?.has(userId) ?? false)),
    async setConnections(inbox, connections) {
      connected.set(inbox.tag, connections);
      return succeed(undefined);
    },
  };

  return {
    logs: roomLogs,
    loggedRooms: createMemoryLoggedRooms({ logs, answer }),
    roomReaders,
    inboxes,
    pushes,
    idempotency: claims,
    hooks: createMemoryHooks({ answer }),
    moderation,
    bus,
    roster,
    connected,
    /** User ids by the tag of their room. */
    members,
    write,
    publish,
    resync() {
      for (const listener of resyncs) listener();
    },
    /** Drops everything up to `seq`. */
    trim(room: Room, seq: number) {
      const log = logOf(room);
      log.entries = log.entries.filter((entry) => entry.seq > seq);
    },
    /** Goes on under another epoch, with the entries up to `top` and these epochs before it. */
    begin(room: Room, epoch: string, top: number, previousEpochs: readonly PreviousEpoch[]) {
      const log = logOf(room);
      Object.assign(log, { epoch, top, previousEpochs });
      log.entries = log.entries.filter(({ seq }) => seq <= top);
    },
    entries: (room: Room) => logs.get(room.tag)?.entries ?? [],
    now: () => clock,
    pass: (ms: number) => {
      clock += ms;
    },
    /** What is refused from now on. */
    fail: (when: (what: string, room?: Room) => boolean) => {
      failing = when;
    },
  };
}

function jsonOf({ seq, epoch, id, at }: Omit<Appended, 'dup'>, members: string): string {
  return `{"seq":${seq},"epoch":"${epoch}","id":"${id}","at":${at},${members}}`;
}
