import { refuseOtherContent } from '../../src/backend/other-content.ts';
import type { Claimed, Claims } from '../../src/chat/idempotency.ts';
import type {
  InboxMarkers,
  InboxStore,
  ItemProgress,
  PushPositions,
  PushStore,
} from '../../src/chat/inbox-store.ts';
import {
  type Appended,
  type Draft,
  type Entry,
  type LogPage,
  type LogQuery,
  NO_EPOCH,
  type RoomBus,
  type RoomLogs,
} from '../../src/chat/log-store.ts';
import type { Moderation, Restricted } from '../../src/chat/moderation.ts';
import type { Room } from '../../src/chat/room.ts';
import { type Outcome, refuse, succeed } from '../../src/protocol/codes.ts';

const away = () => refuse('unavailable', 'away', 1);

interface Log {
  readonly entries: Entry[];
  readonly answers: Map<string, Appended & { readonly content: string | undefined }>;
  readonly steps: Record<'sent' | 'recv' | 'read', { seq: number; at: number }[]>;
  news?: InboxMarkers['news'];
}

/** Logs, marks and pushes in memory, published at once. What it is told to, it refuses. */
export function createMemoryStore() {
  const logs = new Map<string, Log>();
  const claimed = new Map<string, { id: string; fingerprint: string; running?: string; answer?: string }>();
  const pushed = new Map<string, PushPositions>();
  const listeners = new Map<string, Set<(entry: Entry) => void>>();
  const restrictions = new Map<string, { ban?: Restricted; mute?: Restricted }>();
  const connected = new Map<string, number>();
  const members = new Map<string, ReadonlySet<string>>();
  let clock = 1_000;
  let failing: (what: string, room?: Room) => boolean = () => false;

  function logOf(room: Room): Log {
    const log = logs.get(room.tag) ?? {
      entries: [],
      answers: new Map(),
      steps: { sent: [], recv: [], read: [] },
    };
    logs.set(room.tag, log);
    return log;
  }

  function append(room: Room, draft: Draft): Outcome<Appended> {
    const log = logOf(room);
    const { scope, clientMsgId, content } = draft.dedupe ?? {};
    const key = draft.dedupe && JSON.stringify([scope, clientMsgId]);
    const known = key === undefined ? undefined : log.answers.get(key);
    if (known) {
      const { content: first = content, ...answer } = known;
      return content === undefined || first === content
        ? succeed({ ...answer, dup: true })
        : refuseOtherContent();
    }
    clock += 1;
    const { id } = draft;
    const appended = { epoch: 'e1', seq: log.entries.length + 1, id, at: clock, dup: false };
    const { seq, epoch, at } = appended;
    const json = `{"seq":${seq},"epoch":"${epoch}","id":"${id}","at":${at},${draft.members}}`;
    const entry = { epoch, seq, json, ...(draft.except === undefined ? {} : { except: draft.except }) };
    log.entries.push(entry);
    if (key !== undefined) log.answers.set(key, { ...appended, content });
    for (const listener of listeners.get(room.tag) ?? []) listener(entry);
    return succeed(appended);
  }

  function page(room: Room, { before = Number.POSITIVE_INFINITY, after, limit }: LogQuery): LogPage {
    const all = logs.get(room.tag)?.entries ?? [];
    const range = all.filter(({ seq }) => seq < before && seq > (after ?? 0));
    const entries =
      after === undefined ? range.slice(Math.max(0, range.length - limit)) : range.slice(0, limit);
    const epoch = all.length > 0 ? 'e1' : NO_EPOCH;
    return {
      epoch,
      top: all.length,
      previousEpochs: [],
      first: 1,
      entries,
      more: entries.length < range.length,
    };
  }

  const top = (log: Log, kind: keyof Log['steps']) => log.steps[kind].at(-1)?.seq ?? 0;
  const marksOf = (room: Room): InboxMarkers => {
    const log = logOf(room);
    const { news } = log;
    return { recv: top(log, 'recv'), read: top(log, 'read'), ...(news === undefined ? {} : { news }) };
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
      answer('replace', room, () => {
        const { entries } = logOf(room);
        const stored = entries[seq - 1];
        if (!stored) return undefined;
        const { epoch, id, at } = JSON.parse(stored.json) as Appended;
        const json = `{"seq":${seq},"epoch":"${epoch}","id":"${id}","at":${at},${members}}`;
        if (json === stored.json) return {};
        entries[seq - 1] = { ...stored, json };
        const told = notice && append(room, notice);
        return told?.ok ? { notice: told.value } : {};
      }),
    unread: async () => refuse('unavailable', 'not used here'),
    tops: (rooms) =>
      answer('tops', undefined, () =>
        rooms.map((room) => {
          const count = logs.get(room.tag)?.entries.length ?? 0;
          return { top: count, ...(count > 0 ? { epoch: 'e1' } : {}) };
        }),
      ),
  };

  const inboxes: InboxStore = {
    marks: (inbox) => answer('marks', inbox, () => marksOf(inbox)),
    raise: (inbox, { sent, read, recv = read }) =>
      answer('raise', inbox, () => {
        const log = logOf(inbox);
        for (const [kind, given] of Object.entries({ sent, recv, read })) {
          const seq = Math.min(given ?? 0, log.entries.length);
          clock += 1;
          if (seq > top(log, kind as 'sent')) log.steps[kind as 'sent'].push({ seq, at: clock });
        }
        return marksOf(inbox);
      }),
    fold: (inbox, draft, { was, becomes }) =>
      answer('fold', inbox, () => {
        const log = logOf(inbox);
        if (JSON.stringify(log.news) !== JSON.stringify(was)) return false;
        log.news = becomes;
        append(inbox, draft);
        return true;
      }),
    erase: (inbox) => answer('erase', inbox, () => void logs.delete(inbox.tag)),
    progress: (items) =>
      answer('progress', undefined, () =>
        items.map(({ inbox, seq }): ItemProgress => {
          const { steps } = logOf(inbox);
          const when = (kind: keyof typeof steps) => steps[kind].find((step) => step.seq >= seq)?.at;
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
    keep: (id, { nsp, places }) =>
      answer('keep', undefined, () => {
        pushed.set(id, { nsp, places: [...(pushed.get(id)?.places ?? []), ...places] });
      }),
    find: (id) => answer('find', undefined, () => pushed.get(id)),
  };

  const claims: Claims = {
    claim: (key, fingerprint, id) =>
      answer('claim', undefined, (): Claimed => {
        const claim = claimed.get(key) ?? { id, fingerprint };
        claimed.set(key, claim);
        if (claim.fingerprint !== fingerprint) return { state: 'mismatch' };
        if (claim.answer !== undefined) return { state: 'answered', answer: claim.answer };
        if (claim.running !== undefined) return { state: 'running' };
        claim.running = id;
        return { state: 'granted', id: claim.id };
      }),
    settle: (key, id, given) =>
      answer('settle', undefined, () => {
        const claim = claimed.get(key);
        if (claim && given !== undefined) claim.answer ??= given;
        if (claim?.running === id) delete claim.running;
      }),
  };

  const moderation: Moderation = {
    restrict: (room, userId, kind, seconds) =>
      answer('restrict', room, () => {
        const restricted = seconds === undefined ? {} : { until: clock + seconds * 1_000 };
        const key = `${room.tag} ${userId}`;
        restrictions.set(key, { ...restrictions.get(key), [kind]: restricted });
        return restricted;
      }),
    lift: (room, userId, kind) =>
      answer('lift', room, () => {
        const { [kind]: lifted, ...others } = restrictions.get(`${room.tag} ${userId}`) ?? {};
        restrictions.set(`${room.tag} ${userId}`, others);
        return lifted !== undefined;
      }),
    restrictions: (room, userId) =>
      answer('restrictions', room, () => restrictions.get(`${room.tag} ${userId}`) ?? {}),
  };

  const bus: RoomBus = {
    notify: async () => succeed(undefined),
    probe: async () => succeed(undefined),
    reconnect: () => undefined,
    onResync: () => undefined,
    async subscribe(room, onEntry) {
      if (failing('subscribe', room)) return away();
      const listening = listeners.get(room.tag) ?? new Set();
      listeners.set(room.tag, listening.add(onEntry));
      return succeed({ close: () => void listening.delete(onEntry) });
    },
  };

  return {
    logs: roomLogs,
    inboxes,
    pushes,
    claims,
    moderation,
    bus,
    roster: {
      connections: (rooms: readonly Room[]) =>
        answer('connections', undefined, () => rooms.map(({ tag }) => connected.get(tag) ?? 0)),
      isIn: (rooms: readonly Room[], userId: string) =>
        answer('isIn', undefined, () => rooms.some(({ tag }) => members.get(tag)?.has(userId))),
      async setConnections(inbox: Room, connections: number) {
        connected.set(inbox.tag, connections);
        return succeed(undefined);
      },
    },
    connected,
    /** User ids by the tag of their room. */
    members,
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
