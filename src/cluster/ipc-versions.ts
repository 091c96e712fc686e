/*
 * The versions of the messages between a primary and its workers. During a rolling reload the two are of different releases:
 * a release that is new on disk starts under a primary that runs since before, or an earlier one is put back. Each speaks a
 * range of versions, and both use the highest that they share.
 *
 * A worker learns the primary's range from its environment, and its first message tells its own. An end that does not tell
 * a range is of a release before ranges, which speaks one version only: that of its messages.
 */

export interface IpcVersions {
  readonly min: number;
  readonly max: number;
}

/**
 * Raise `max` whenever a kind of message is added or changed, and list it in `SINCE`. Raise `min` once a release can no longer
 * work with processes of the versions below: a reload from them then asks for a restart.
 */
export const IPC_VERSIONS: IpcVersions = { min: 7, max: 10 };

/** The last version before ranges. Its receivers ignore the greeting, so greetings keep this mark in every later version. */
export const GREETING_VERSION = 7;

/** The version in which a kind of message appeared, unless it is as old as `min`. The kinds of all folders stand here. */
export const SINCE: ReadonlyMap<string, number> = new Map([
  ['worker.leaving', 8],
  ['worker.arrived', 8],
  ['metrics.totals', 8],
  ['connects.enter', 8],
  ['connects.expect', 8],
  ['logs.known', 8],
  ['logs.amend', 9],
  ['blocks.set', 10],
  ['blocks.list', 10],
  ['blocks.areBlocking', 10],
  ['mentionNotes.add', 10],
  ['mentionNotes.remove', 10],
  ['mentionNotes.due', 10],
  ['roomSubscriptions.has', 10],
  ['roomReaders.raise', 10],
  ['roomReaders.marks', 10],
  ['roomReaders.count', 10],
  ['loggedRooms.list', 10],
  ['hooks.list', 10],
  ['hooks.note', 10],
  ['hooks.lease', 10],
  ['hooks.take', 10],
  ['hooks.listed', 10],
  ['hooks.advance', 10],
  ['hooks.term', 10],
  ['hooks.unlist', 10],
  ['moderation.revoke', 10],
  ['rooms.activity', 10],
  ['sizes', 10],
  ['trace.deliveries', 8],
  ['trace.elsewhere', 8],
  ['trace.find', 8],
]);

export const showVersions = ({ min, max }: IpcVersions): string => (min === max ? `${min}` : `${min}-${max}`);

/** Reads what a primary passes to its workers. Primaries before ranges pass nothing. */
export function parseVersions(text: string | undefined): IpcVersions {
  const [, min, max] = /^(\d+)(?:-(\d+))?$/.exec(text ?? '') ?? [];
  if (min === undefined) return { min: GREETING_VERSION, max: GREETING_VERSION };
  return { min: Number(min), max: Number(max ?? min) };
}

export interface Negotiation {
  /** The version of what is sent now: the highest common one, or the lowest of ours until the other end is known. */
  readonly version: number;
  /** Returns whether the other end understands this kind. */
  understands(kind: string): boolean;
  /** Hears the range that the other end tells, or the version of a message. Returns whether it is one of ours. */
  hear(theirs: IpcVersions): boolean;
}

export interface NegotiationDeps {
  readonly ours: IpcVersions;
  /** The range of the other end, if it is known beforehand. */
  readonly theirs: IpcVersions | undefined;
  /** Called once if the ends share no version. */
  readonly onForeign: (theirs: IpcVersions) => void;
}

export function createNegotiation({ ours, theirs, onForeign }: NegotiationDeps): Negotiation {
  let version = theirs && common(ours, theirs);
  let foreignSeen = false;

  // Without a common version, the first message shows the other end that this one is of another release.
  const current = () => version ?? (theirs ? ours.max : ours.min);

  return {
    get version() {
      return current();
    },
    understands: (kind) => (SINCE.get(kind) ?? ours.min) <= current(),
    hear(range) {
      const shared = common(ours, range);
      version ??= shared;
      if (shared === undefined && !foreignSeen) {
        foreignSeen = true;
        onForeign(range);
      }
      return shared !== undefined;
    },
  };
}

function common(ours: IpcVersions, theirs: IpcVersions): number | undefined {
  const highest = Math.min(ours.max, theirs.max);
  return highest >= Math.max(ours.min, theirs.min) ? highest : undefined;
}
