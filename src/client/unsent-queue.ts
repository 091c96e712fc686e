import type { ClientError } from './client-error.ts';

export interface Unsent {
  /** The same in every attempt: the server stores the message once. */
  readonly clientMsgId: string;
  /** By the forward clock, in ms. The server may forget the clientMsgId `DEDUPE_TTL_S` later. */
  readonly firstSentAt?: number;
}

export interface UnsentQueueDeps<D extends Unsent> {
  readonly onFailed: (error: ClientError, draft: D) => void;
  readonly onChange: () => void;
}

/** A message and the promise that its callers wait for. */
export interface UnsentEntry<D extends Unsent, S> {
  draft: D;
  rejoined: boolean;
  callers: number;
  readonly promise: Promise<S>;
  readonly resolve: (stored: S) => void;
  readonly reject: (error: ClientError) => void;
}

/** The messages of an outbox in the order in which they are sent, each once. */
export interface UnsentQueue<D extends Unsent, S> {
  drafts(): readonly D[];
  first(): UnsentEntry<D, S> | undefined;
  entries(): readonly UnsentEntry<D, S>[];
  /** A message that waits already gets one caller more. */
  add(draft: D): { readonly entry: UnsentEntry<D, S>; readonly isNew: boolean };
  /** Adds older messages before the others, but behind the one `onWire`. Returns whether there were any. */
  restore(drafts: readonly D[], onWire: UnsentEntry<D, S> | undefined): boolean;
  /**
   * One caller gives the message up. Without another one it is dropped, unless it was sent: that is not undone. Returns whether
   * it was dropped.
   */
  withdraw(clientMsgId: string, error: ClientError): boolean;
  update(change: (draft: D) => D): void;
  /** Returns false if it was removed before. */
  remove(entry: UnsentEntry<D, S>): boolean;
  /** Removes the message and rejects its callers, unless it was removed before. */
  fail(entry: UnsentEntry<D, S>, error: ClientError): void;
}

export function createUnsentQueue<D extends Unsent, S>({
  onChange,
  onFailed,
}: UnsentQueueDeps<D>): UnsentQueue<D, S> {
  const queue: UnsentEntry<D, S>[] = [];

  function find({ clientMsgId }: Unsent): UnsentEntry<D, S> | undefined {
    return queue.find((entry) => entry.draft.clientMsgId === clientMsgId);
  }

  function remove(entry: UnsentEntry<D, S>): boolean {
    const index = queue.indexOf(entry);
    if (index < 0) return false;
    queue.splice(index, 1);
    onChange();
    return true;
  }

  return {
    first: () => queue[0],
    entries: () => [...queue],
    add(draft) {
      const known = find(draft);
      if (known) {
        known.callers += 1;
        return { entry: known, isNew: false };
      }
      const entry = newEntry<D, S>(draft);
      queue.push(entry);
      return { entry, isNew: true };
    },
    restore(drafts, onWire) {
      const older = drafts.filter((draft) => !find(draft)).map((draft) => newEntry<D, S>(draft));
      queue.splice(onWire ? 1 : 0, 0, ...older);
      return older.length > 0;
    },
    remove,
    fail(entry, error) {
      if (!remove(entry)) return;
      entry.reject(error);
      onFailed(error, entry.draft);
    },
    drafts: () => queue.map(({ draft }) => draft),
    withdraw(clientMsgId, error) {
      const entry = find({ clientMsgId });
      if (!entry) return false;
      entry.callers -= 1;
      if (entry.callers > 0 || entry.draft.firstSentAt !== undefined || !remove(entry)) return false;
      entry.reject(error);
      return true;
    },
    update(change) {
      for (const entry of queue) entry.draft = change(entry.draft);
      onChange();
    },
  };
}

function newEntry<D extends Unsent, S>(draft: D): UnsentEntry<D, S> {
  let resolve: (stored: S) => void = () => undefined;
  let reject: (error: ClientError) => void = () => undefined;
  const promise = new Promise<S>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  // An application that listens to `failed` need not catch each promise too.
  promise.catch(() => undefined);
  return { draft, rejoined: false, callers: 1, promise, resolve, reject };
}
