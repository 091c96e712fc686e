import { useCallback, useEffect, useLayoutEffect, useRef } from 'preact/hooks';

/** This close to the end counts as the end: a finger does not stop at the last pixel. */
const END_SLACK_PX = 48;
const TOP_SLACK_PX = 160;

export interface ScrollAnchorDeps {
  /** A new value means that the list was drawn anew. */
  readonly rows: unknown;
  readonly onFollowing: (following: boolean) => void;
  readonly onTop: () => void;
}

/**
 * Sticks to the end of the list while the reader is there, and otherwise holds the text they read in place when rows are
 * added or dropped above or below. Safari has no scroll anchoring of its own.
 */
export function useScrollAnchor({ rows, onFollowing, onTop }: ScrollAnchorDeps) {
  const list = useRef<HTMLDivElement>(null);
  const following = useRef(true);
  const lastTop = useRef(0);
  /** The height of the list when it last stuck to its end or was scrolled by the reader. */
  const height = useRef(0);
  const anchor = useRef<{ node: HTMLElement; offset: number } | undefined>(undefined);

  const stickToEnd = useCallback((box: HTMLElement) => {
    height.current = box.clientHeight;
    box.scrollTop = box.scrollHeight;
  }, []);

  const toEnd = useCallback(() => {
    following.current = true;
    onFollowing(true);
    if (list.current) stickToEnd(list.current);
  }, [onFollowing, stickToEnd]);

  function onScroll(): void {
    const box = list.current;
    if (!box) return;
    // A list that grows or shrinks scrolls too, and this event comes before the observer below.
    const resized = box.clientHeight !== height.current;
    if (resized && following.current) stickToEnd(box);
    height.current = box.clientHeight;
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < END_SLACK_PX;
    if (atEnd !== following.current) {
      following.current = atEnd;
      onFollowing(atEnd);
    }
    const node = firstVisibleSaid(box);
    anchor.current = node && { node, offset: node.offsetTop - box.scrollTop };
    if (box.scrollTop <= lastTop.current && box.scrollTop < TOP_SLACK_PX) onTop();
    lastTop.current = box.scrollTop;
  }

  useLayoutEffect(() => {
    const box = list.current;
    if (!box) return;
    if (following.current) stickToEnd(box);
    else if (anchor.current?.node.isConnected) {
      box.scrollTop = anchor.current.node.offsetTop - anchor.current.offset;
    }
  }, [rows, stickToEnd]);

  // The keyboard of a phone and a growing text field make the list smaller.
  useEffect(() => {
    const box = list.current;
    if (!box) return;
    const observer = new ResizeObserver(() => {
      if (following.current) stickToEnd(box);
    });
    observer.observe(box);
    return () => observer.disconnect();
  }, [stickToEnd]);

  return { list, onScroll, toEnd };
}

/**
 * A binary search, because a loop over a thousand rows on every scroll event is noticeable. Only messages serve as anchors:
 * day rows and the button at the top move when older messages come.
 */
function firstVisibleSaid(box: HTMLElement): HTMLElement | undefined {
  const rows = box.children;
  let low = 0;
  let high = rows.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    const row = rows[middle];
    if (row instanceof HTMLElement && row.offsetTop + row.offsetHeight <= box.scrollTop) low = middle + 1;
    else high = middle;
  }
  for (let row = rows[low]; row; row = row.nextElementSibling ?? undefined) {
    if (row instanceof HTMLElement && row.classList.contains('said')) return row;
  }
  return undefined;
}
