import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import type { Room } from '../../chat/room.ts';
import type { Entry, LogPage, LogQuery, RoomLogs, Top } from '../../chat/store.ts';
import { type Outcome, refuse, succeed } from '../../protocol/codes.ts';
import { createCommitQueue } from './commit-queue.ts';
import { answerPeriod, createGroup, type Group } from './group.ts';
import { expireHead, type Head, type Keeping } from './head.ts';
import type { Tables, View } from './tables.ts';

export interface LogStore extends Omit<RoomLogs, 'tops'> {
  /** As `RoomLogs.tops`; a tag is all it takes. */
  tops(rooms: readonly Pick<Room, 'tag'>[]): Promise<Outcome<readonly Top[]>>;
  /** Whether the disk takes a commit, or took one within the last seconds. */
  check(): Promise<Outcome<void>>;
  /** Removes what is too old: to be called now and then. Reading does not wait for it. */
  tidy(): Promise<void>;
  close(): Promise<void>;
}

export interface LogStoreDeps {
  readonly tables: Tables;
  readonly rules: Keeping & { readonly dedupeTtlS: number };
  readonly publish: (published: Group['published']) => void;
  readonly now: () => number;
  readonly log: Logger;
}

const TIDY_PORTION = 500;
/** All workers ask every second; a commit for each wrote 13 GB a day to the disk of an idle machine. */
const CHECK_MS = 5_000;
/** What a stored entry holds beside the draft. */
const ENTRY_OVERHEAD_BYTES = 300;

/** All rooms' logs. The primary is their only writer; each start of it is a new run, which begins new epochs. */
export function createLogStore(deps: LogStoreDeps): LogStore {
  const { tables, now } = deps;
  const rules = { ...deps.rules, run: randomBytes(9).toString('base64url') };
  let closed = false;
  /** When a commit for a check last succeeded. */
  let wellAt = Number.NEGATIVE_INFINITY;
  const queue = createCommitQueue({
    createGroup: () => createGroup(tables, rules, now()),
    commit: (writes) => tables.commit(writes),
    publish: deps.publish,
    log: deps.log,
  });

  function page(room: Room, query: LogQuery): LogPage | undefined {
    return tables.look((view) => {
      const head = view.head(room.tag);
      if (head?.run !== rules.run) return undefined;
      return readPage(view, room.tag, expireHead(head, rules, now()), query);
    });
  }

  async function tidyAnswers(): Promise<void> {
    const period = answerPeriod(rules.dedupeTtlS, now());
    for (;;) {
      const keys = closed ? [] : tables.answersOutside(period - 1, period + 1, TIDY_PORTION);
      if (keys.length === 0) return;
      const plan = (group: Group) => {
        for (const key of keys) group.write({ table: 'answers', key });
      };
      if (!(await queue.add({ bytes: 0, plan })).ok) return;
    }
  }

  async function tidyRooms(): Promise<void> {
    for (let after = ''; !closed; ) {
      const portion = tables.headsAfter(after, TIDY_PORTION);
      for (const { tag } of portion.filter(({ head }) => isUntidy(head, rules, now()))) {
        if (!(await queue.add({ bytes: 0, plan: (group) => group.tidy(tag) })).ok) return;
      }
      const last = portion.at(-1);
      if (!last) return;
      after = last.tag;
      // A million rooms are looked through without holding up a message for more than a portion.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  return {
    append(room, draft) {
      const bytes = Buffer.byteLength(draft.members) + ENTRY_OVERHEAD_BYTES;
      return queue.add({ bytes, plan: (group) => group.append(room.tag, draft) });
    },
    async read(room, query) {
      if (closed) return refuse('unavailable', 'the store is closed', 1_000);
      const ready = page(room, query);
      if (ready) return succeed(ready);
      const touched = await queue.add({
        bytes: ENTRY_OVERHEAD_BYTES,
        plan: (group) => group.touch(room.tag),
      });
      if (!touched.ok) return touched;
      const begun = page(room, query);
      return begun ? succeed(begun) : refuse('unavailable', 'the room was just tidied away', 1_000);
    },
    async tops(rooms) {
      if (closed) return refuse('unavailable', 'the store is closed', 1_000);
      const topOf = ({ epoch, top }: Head): Top => ({ epoch, top });
      return tables.look((view) =>
        succeed(
          rooms.map(({ tag }) => {
            const head = view.head(tag);
            return head ? topOf(head) : { top: 0 };
          }),
        ),
      );
    },
    async check() {
      if (now() - wellAt < CHECK_MS) return succeed(undefined);
      const at = now();
      const checked = await queue.add({
        bytes: 0,
        plan: (group) => group.write({ table: 'facts', key: 'checkedAt', value: at }),
      });
      if (checked.ok) wellAt = at;
      return checked;
    },
    async tidy() {
      await tidyAnswers();
      await tidyRooms();
    },
    async close() {
      await queue.close();
      closed = true;
    },
  };
}

function isUntidy(head: Head, keeping: Keeping, now: number): boolean {
  const idle = now - head.at > keeping.historyTtlS * 1000;
  return head.floor < head.first || (idle && (head.top === 0 || head.first <= head.top));
}

function readPage(view: View, tag: string, head: Head, query: LogQuery): LogPage {
  const { epoch, top, links, first } = head;
  const forward = query.after !== undefined;
  const from = forward ? Math.max(query.after + 1, first) : Math.min((query.before ?? top + 1) - 1, top);
  const left = () => (forward ? top - from + 1 : from - first + 1) - entries.length;
  const entries: Entry[] = [];
  let bytes = 0;
  if (left() > 0 && query.limit > 0) {
    for (const entry of view.entries(tag, from, forward ? top : first)) {
      bytes += Buffer.byteLength(entry.json);
      if (entries.length > 0 && bytes > query.maxBytes) break;
      entries.push(entry);
      if (entries.length === query.limit) break;
    }
  }
  const more = left() > 0;
  if (!forward) entries.reverse();
  return { epoch, top, links, entries, more, first };
}
