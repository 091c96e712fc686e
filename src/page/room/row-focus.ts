import type { RefObject } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Row } from './rows.ts';

export interface RowFocusDeps {
  readonly box: RefObject<HTMLDivElement | null>;
  readonly rows: readonly Row[];
}

export interface RowFocus {
  /** The row that Tab leads to; undefined: the newest one. */
  readonly index: number | undefined;
  /** The row that stays drawn because it has the focus, or is about to get it. */
  readonly kept: number | undefined;
  /** Gives the focus to a row as soon as it is drawn. */
  focus(index: number): void;
  readonly onFocusIn: (event: FocusEvent) => void;
  readonly onFocusOut: (event: FocusEvent) => void;
}

/**
 * One row at a time is a step of Tab, and the arrow keys move among them. If the row with the focus leaves the list, its
 * neighbour gets the focus, because a screen reader would else begin at the top of the page.
 */
export function useRowFocus({ box, rows }: RowFocusDeps): RowFocus {
  const [current, setCurrent] = useState<{ key: string; index: number } | undefined>(undefined);
  const wanted = useRef<string | undefined>(undefined);
  const inside = useRef(false);
  const index = current && indexOf(rows, current);

  useLayoutEffect(() => {
    const list = box.current;
    if (!list) return;
    if (current && index === undefined) {
      const lost = inside.current && document.activeElement === document.body;
      const next = rows[Math.min(current.index, rows.length - 1)];
      if (!lost) setCurrent(undefined);
      else if (next) {
        wanted.current = next.key;
        setCurrent({ key: next.key, index: rows.indexOf(next) });
      } else list.focus();
    }
    const node = wanted.current && nodeOf(list, wanted.current);
    if (!node) return;
    wanted.current = undefined;
    node.focus({ preventScroll: true });
  });

  return {
    index,
    kept: inside.current || wanted.current !== undefined ? index : undefined,
    focus(next) {
      const row = rows[next];
      if (!row) return;
      wanted.current = row.key;
      setCurrent({ key: row.key, index: next });
      const node = box.current && nodeOf(box.current, row.key);
      if (!node) return;
      wanted.current = undefined;
      node.focus({ preventScroll: true });
    },
    onFocusIn({ target }) {
      inside.current = true;
      const node = target instanceof Element ? target.closest<HTMLElement>('[data-key]') : null;
      const key = node?.dataset.key;
      if (key !== undefined && key !== current?.key) setCurrent({ key, index: Number(node?.dataset.index) });
    },
    onFocusOut({ relatedTarget }) {
      // A row that is removed loses the focus to nothing, and its neighbour gets it.
      if (relatedTarget instanceof Node && !box.current?.contains(relatedTarget)) inside.current = false;
    },
  };
}

function indexOf(rows: readonly Row[], { key, index }: { key: string; index: number }): number | undefined {
  if (rows[index]?.key === key) return index;
  const at = rows.findLastIndex((row) => row.key === key);
  return at < 0 ? undefined : at;
}

function nodeOf(list: HTMLElement, key: string): HTMLElement | null {
  return list.querySelector<HTMLElement>(`:scope > [data-key="${CSS.escape(key)}"]`);
}
