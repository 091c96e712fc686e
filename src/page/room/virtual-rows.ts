import {
  elementScroll,
  observeElementOffset,
  observeElementRect,
  Virtualizer,
  type VirtualizerOptions,
} from '@tanstack/virtual-core';
import type { RefObject } from 'preact';
import { useCallback, useLayoutEffect, useReducer, useRef, useState } from 'preact/hooks';
import { covers, type DrawnRange, rangeToDraw } from './drawn-range.ts';
import { estimateHeight } from './row-height.ts';
import type { Row } from './rows.ts';

export interface VirtualRowsDeps {
  readonly rows: readonly Row[];
  readonly box: RefObject<HTMLDivElement | null>;
  /** The list's position as the page last set or heard it. */
  readonly knownTop: { current: number };
  /** The index of a row that stays drawn wherever the list is, because it has the focus. */
  readonly kept: number | undefined;
  /** The list follows its end, so rows that are new there will be in sight. */
  readonly following: boolean;
  /** The heights of what stands above the first row and below the last one. */
  readonly headPx: number;
  readonly tailPx: number;
}

/** A row to draw, below `gapPx` of empty space in place of rows that are not drawn. */
export interface DrawnRow {
  readonly row: Row;
  readonly index: number;
  readonly gapPx: number;
}

export interface VirtualRows {
  readonly drawn: readonly DrawnRow[];
  /** The empty space in place of the rows below the drawn ones. */
  readonly restPx: number;
  /** The index of the first row in sight. */
  readonly top: number | undefined;
  scrollTo(index: number, align: 'auto' | 'center'): void;
}

/**
 * Draws the rows in sight and a few more, and keeps space for the others. Rows have the attribute `data-index` and follow each
 * other in the document's own flow, so a wrong estimate moves only rows that are not in sight.
 */
export function useVirtualRows(deps: VirtualRowsDeps): VirtualRows {
  const { rows, box, knownTop, kept, following, headPx, tailPx } = deps;
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  const measuring = useRef(false);
  const drawnRange = useRef<DrawnRange | undefined>(undefined);
  const size = useRef(0);
  const getItemKey = useCallback((index: number) => rows[index]?.key ?? index, [rows]);
  const estimateSize = useCallback((index: number) => estimateHeight(rows[index]), [rows]);
  const options: VirtualizerOptions<HTMLDivElement, HTMLElement> = {
    count: rows.length,
    getScrollElement: () => box.current,
    getItemKey,
    estimateSize,
    scrollToFn: (offset, how, instance) => {
      elementScroll(offset, how, instance);
      knownTop.current = box.current?.scrollTop ?? 0;
    },
    observeElementRect,
    observeElementOffset,
    paddingStart: headPx,
    paddingEnd: tailPx,
    // Rows that are put above the first one move the list by their height.
    anchorTo: 'end',
    // The end of the list is left to the scroll anchor: the library's own hold on it would undo a scroll of the same frame.
    scrollEndThreshold: Number.NEGATIVE_INFINITY,
    rangeExtractor(range) {
      const drawn = rangeToDraw(range, range.count, following);
      drawnRange.current = drawn;
      return indexesOf(drawn, kept, range.count);
    },
    onChange: () => {
      if (!measuring.current && (virtualizer.getTotalSize() !== size.current || !isCovered()))
        redraw(undefined);
    },
  };
  const [virtualizer] = useState(() => new Virtualizer<HTMLDivElement, HTMLElement>(options));
  virtualizer.setOptions(options);

  useLayoutEffect(() => virtualizer._didMount(), [virtualizer]);
  useLayoutEffect(() => {
    virtualizer._willUpdate();
    // A notification for each row would draw the list as often.
    measuring.current = true;
    for (const node of box.current?.querySelectorAll<HTMLElement>(':scope > [data-index]') ?? []) {
      virtualizer.measureElement(node);
    }
    virtualizer.measureElement(null);
    measuring.current = false;
    size.current = virtualizer.getTotalSize();
    if (!isCovered()) redraw(undefined);
  });

  function isCovered(): boolean {
    const range = virtualizer.calculateRange();
    return !range || (drawnRange.current !== undefined && covers(drawnRange.current, range, rows));
  }

  const items = virtualizer.getVirtualItems();
  let end = headPx;
  const drawn: DrawnRow[] = [];
  for (const item of items) {
    const row = rows[item.index];
    if (!row) continue;
    drawn.push({ row, index: item.index, gapPx: Math.max(0, item.start - end) });
    end = item.end;
  }
  return {
    drawn,
    restPx: Math.max(0, virtualizer.getTotalSize() - tailPx - end),
    top: virtualizer.range?.startIndex,
    scrollTo: (index, align) => virtualizer.scrollToIndex(index, { align }),
  };
}

function indexesOf({ from, to }: DrawnRange, kept: number | undefined, count: number): number[] {
  const indexes = Array.from({ length: to - from }, (_, at) => from + at);
  if (kept === undefined || kept >= count || (kept >= from && kept < to)) return indexes;
  return kept < from ? [kept, ...indexes] : [...indexes, kept];
}
