import { useEffect, useRef, useState } from 'preact/hooks';
import type { RoomActions } from './room-actions.ts';
import type { RowFocus } from './row-focus.ts';
import type { Row } from './rows.ts';
import type { VirtualRows } from './virtual-rows.ts';

export interface GoToDeps {
  readonly rows: readonly Row[];
  readonly actions: Pick<RoomActions, 'loadBackTo'>;
  readonly list: Pick<VirtualRows, 'scrollTo'>;
  readonly focus: Pick<RowFocus, 'focus'>;
  readonly letGo: () => void;
}

export interface GoTo {
  /** Goes to the message with this number, which may have to be loaded first. The same function at each drawing. */
  readonly to: (seq: number) => void;
  /** The key of the row that was gone to last. */
  readonly reached: string | undefined;
}

export function useGoTo({ rows, actions, list, focus, letGo }: GoToDeps): GoTo {
  const [reached, setReached] = useState<string | undefined>(undefined);
  const wanted = useRef<number | undefined>(undefined);
  const arrive = useRef<() => boolean>(() => false);
  arrive.current = () => {
    const index = rows.findLastIndex((row) => seqOf(row) === wanted.current);
    const row = rows[index];
    if (!row) return false;
    wanted.current = undefined;
    letGo();
    list.scrollTo(index, 'center');
    focus.focus(index);
    setReached(row.key);
    return true;
  };
  const load = useRef(actions.loadBackTo);
  load.current = actions.loadBackTo;
  const [to] = useState(() => (seq: number) => {
    wanted.current = seq;
    if (!arrive.current()) load.current(seq);
  });
  useEffect(() => {
    if (wanted.current !== undefined) arrive.current();
  }, [rows]);
  return { to, reached };
}

function seqOf(row: Row): number | undefined {
  if (row.kind === 'said') return row.message?.seq;
  return row.kind === 'deleted' ? row.seq : undefined;
}
