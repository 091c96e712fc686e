import { randomBytes } from 'node:crypto';
import type { Outcome } from '../../../protocol/codes.ts';
import { succeed } from '../../../protocol/codes.ts';
import type { WorkerNode } from './worker-node.ts';

/*
 * Each server holds a mark, a random text. Another mark, or none, shows that the server lost its data: it was emptied, or it
 * came back without its files. The mark is read by a write that changes nothing as long as there is one. So a server that takes
 * no writes is noticed too, although it answers reads, and although nobody writes to it at the moment.
 */
export interface DataMarks {
  /** Reads the marks, and sets those that are missing. Returns for each server, in their order, whether it takes writes. */
  check(): Promise<readonly Outcome<void>[]>;
  /** The same, for a caller that does not wait for all of them. */
  checkEach(): readonly Promise<Outcome<void>>[];
  /** Calls the listener after each check that found a loss, or in which all servers took the write. */
  onChecked(listener: (lost: boolean) => void): void;
}

type MarkedNode = Pick<WorkerNode, 'commands' | 'markKey'>;

export function createDataMarks(nodes: () => readonly MarkedNode[]): DataMarks {
  /** By server: the mark, and its key, since a server of a cluster may hand over the slot that has it. */
  const known = new WeakMap<MarkedNode, { readonly key: string; readonly mark: string }>();
  const listeners: ((lost: boolean) => void)[] = [];

  async function read(key: string, { commands }: MarkedNode): Promise<Outcome<string>> {
    const fresh = randomBytes(9).toString('base64url');
    const stored = await commands.call<string | null>(['SET', key, fresh, 'NX', 'GET']);
    return stored.ok ? succeed(stored.value ?? fresh) : stored;
  }

  /** Returns whether the server lost its data since the last check. */
  async function checkOne(node: MarkedNode): Promise<Outcome<boolean>> {
    const key = node.markKey();
    if (key === undefined) return succeed(false);
    const mark = await read(key, node);
    if (!mark.ok) return mark;
    const before = known.get(node);
    known.set(node, { key, mark: mark.value });
    return succeed(before?.key === key && before.mark !== mark.value);
  }

  function tell(checked: readonly Outcome<boolean>[]): void {
    const lost = checked.some((one) => one.ok && one.value);
    const complete = checked.every(({ ok }) => ok);
    if (lost || complete) for (const listener of listeners) listener(lost);
  }

  return {
    async check() {
      const checked = await Promise.all(nodes().map(checkOne));
      tell(checked);
      return checked.map(written);
    },
    checkEach() {
      const checks = nodes().map(checkOne);
      void Promise.all(checks).then(tell);
      return checks.map((one) => one.then(written));
    },
    onChecked: (listener) => {
      listeners.push(listener);
    },
  };
}

function written(checked: Outcome<boolean>): Outcome<void> {
  return checked.ok ? succeed(undefined) : checked;
}
