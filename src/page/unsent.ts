import { type ClientStorage, createKept } from '../client/storage.ts';
import { parseClientMsgId } from '../protocol/names.ts';
import type { Memory } from './memory.ts';

/*
 * What a person has written in a room and the room does not have yet, kept over a reload of the tab. It is kept by
 * who wrote it and where: another person in the same tab neither sees nor sends it, and neither does another
 * Roomcast behind the same origin. Before the first hello nobody knows who writes: that has no `by`, and belongs to
 * whoever the server says this tab is.
 */
export interface UnsentDraft {
  readonly clientMsgId: string;
  readonly text: string;
  readonly madeAt: number;
  readonly firstSentAt?: number;
  /** Why it is not sent again by itself. */
  readonly problem?: string;
}

export interface Unsent {
  /** In the field, not sent. */
  readonly typed: string;
  readonly drafts: readonly UnsentDraft[];
}

/** Who writes goes by a nickname in the browser, by an id at the server. */
export interface UnsentPlace {
  readonly socketPath: string;
  readonly username: string;
  readonly roomid: string;
}

export interface UnsentMemory {
  load(by: string | undefined): Unsent;
  save(by: string | undefined, unsent: Unsent): void;
}

interface UnsentRecord extends Unsent, UnsentPlace {
  readonly by?: string;
}

const KEY = 'roomcast.unsent';
const NOTHING: Unsent = { typed: '', drafts: [] };
const KEPT_RECORDS = 20;
/** Browsers give 5 MB to all of a tab's pages of one origin. */
const KEPT_CHARS = 1_000_000;

export function createUnsentMemory(memory: Memory, place: UnsentPlace): UnsentMemory {
  const storage: ClientStorage = { get: memory.read, set: memory.write };
  const kept = createKept(storage, KEY, parseRecords);

  const isOf = (by: string | undefined) => (record: UnsentRecord) =>
    record.by === by &&
    record.socketPath === place.socketPath &&
    record.username === place.username &&
    record.roomid === place.roomid;

  return {
    load: (by) => kept.load()?.find(isOf(by)) ?? NOTHING,
    save(by, unsent) {
      const all = kept.load() ?? [];
      const others = all.filter((record) => !isOf(by)(record));
      const empty = unsent.typed === '' && unsent.drafts.length === 0;
      if (empty && others.length === all.length) return;
      if (empty && others.length === 0) memory.forget(KEY);
      else kept.save(bounded(empty ? others : [{ ...place, by, ...unsent }, ...others]));
    },
  };
}

/** The newest records; of a single one that is too long the oldest drafts, which are sent first. */
function bounded(records: readonly UnsentRecord[]): readonly UnsentRecord[] {
  const [mine, ...others] = records.slice(0, KEPT_RECORDS);
  if (!mine) return [];
  let left = KEPT_CHARS - JSON.stringify({ ...mine, drafts: [] }).length;
  if (left < 0) return [];
  const fits = (value: unknown) => {
    left -= JSON.stringify(value).length;
    return left >= 0;
  };
  const drafts = takeWhile(mine.drafts, fits);
  return [{ ...mine, drafts }, ...takeWhile(others, fits)];
}

function takeWhile<T>(values: readonly T[], fits: (value: T) => boolean): T[] {
  const end = values.findIndex((value) => !fits(value));
  return values.slice(0, end < 0 ? values.length : end);
}

/** Of a storage, where anything may stand. */
function parseRecords(value: unknown): readonly UnsentRecord[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.flatMap((record: Partial<UnsentRecord> | null) => {
    const { socketPath, username, roomid, by, typed, drafts } = record ?? {};
    if (typeof socketPath !== 'string' || typeof username !== 'string' || typeof roomid !== 'string')
      return [];
    if (typeof typed !== 'string' || !Array.isArray(drafts)) return [];
    if (by !== undefined && typeof by !== 'string') return [];
    return [{ socketPath, username, roomid, by, typed, drafts: drafts.filter(isDraft) }];
  });
}

function isDraft(draft: Partial<UnsentDraft> | null): boolean {
  return (
    parseClientMsgId(draft?.clientMsgId) !== undefined &&
    typeof draft?.text === 'string' &&
    typeof draft.madeAt === 'number' &&
    (draft.firstSentAt === undefined || typeof draft.firstSentAt === 'number') &&
    (draft.problem === undefined || typeof draft.problem === 'string')
  );
}
