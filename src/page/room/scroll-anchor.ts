import type { RefObject } from 'preact';
import { useCallback, useEffect, useLayoutEffect, useRef } from 'preact/hooks';

/** This close to the end counts as the end: a finger does not stop at the last pixel. */
const END_SLACK_PX = 48;
/** Older rows are asked for so many screens before the reader reaches the first one. */
const AHEAD_SCREENS = 1.5;

export interface ScrollAnchorDeps {
  readonly box: RefObject<HTMLDivElement | null>;
  /**
   * The list's position as the page last set or heard it. Another one is a scroll of the reader whose event is still to
   * come, and a drawing must not undo it.
   */
  readonly knownTop: { current: number };
  readonly onFollowing: (following: boolean) => void;
  readonly onTop: () => void;
}

export interface ScrollAnchor {
  readonly onScroll: () => void;
  readonly toEnd: () => void;
  /** The list goes elsewhere by itself: it neither follows nor holds its place. */
  readonly letGo: () => void;
}

/**
 * Sticks to the end of the list while the reader is there, and otherwise holds the text they read in place when rows are
 * added, drawn or dropped above or below. Safari has no scroll anchoring of its own.
 */
export function useScrollAnchor({ box, knownTop, onFollowing, onTop }: ScrollAnchorDeps): ScrollAnchor {
  const following = useRef(true);
  /** The height of the list when it last stuck to its end or was scrolled by the reader. */
  const height = useRef(0);
  const anchor = useRef<Anchor | undefined>(undefined);

  const stickToEnd = useCallback(
    (list: HTMLElement) => {
      height.current = list.clientHeight;
      const end = list.scrollHeight - list.clientHeight;
      if (Math.abs(list.scrollTop - end) >= 1) list.scrollTop = end;
      knownTop.current = list.scrollTop;
    },
    [knownTop],
  );

  const follow = useCallback(
    (on: boolean) => {
      if (on === following.current) return;
      following.current = on;
      onFollowing(on);
    },
    [onFollowing],
  );

  const toEnd = useCallback(() => {
    follow(true);
    if (box.current) stickToEnd(box.current);
  }, [box, follow, stickToEnd]);

  const letGo = useCallback(() => {
    anchor.current = undefined;
    follow(false);
  }, [follow]);

  function onScroll(): void {
    const list = box.current;
    if (!list) return;
    const before = knownTop.current;
    knownTop.current = list.scrollTop;
    // A list that grows or shrinks scrolls too, and this event comes before the observer below.
    const resized = list.clientHeight !== height.current;
    if (resized && following.current) stickToEnd(list);
    height.current = list.clientHeight;
    follow(isAtEnd(list));
    anchor.current = firstVisible(list);
    if (list.scrollTop <= before && list.scrollTop < AHEAD_SCREENS * list.clientHeight) onTop();
  }

  // After each drawing: heights that were estimated are known now.
  useLayoutEffect(() => {
    const list = box.current;
    if (!list) return;
    if (!following.current) {
      const scrolled = list.scrollTop - knownTop.current;
      if (anchor.current) hold(list, anchor.current, scrolled);
      knownTop.current = list.scrollTop - scrolled;
      return;
    }
    if (list.scrollTop > knownTop.current - 1 || isAtEnd(list)) stickToEnd(list);
  });

  // The keyboard of a phone and a growing text field make the list smaller.
  useEffect(() => {
    const list = box.current;
    if (!list) return;
    const observer = new ResizeObserver(() => {
      if (following.current) stickToEnd(list);
    });
    observer.observe(list);
    return () => observer.disconnect();
  }, [box, stickToEnd]);

  return { onScroll, toEnd, letGo };
}

function isAtEnd(list: HTMLElement): boolean {
  return list.scrollHeight - list.scrollTop - list.clientHeight < END_SLACK_PX;
}

interface Anchor {
  readonly key: string;
  /** From the top of the list's visible part. */
  readonly offset: number;
}

/** The first row in sight. */
function firstVisible(list: HTMLElement): Anchor | undefined {
  const top = list.getBoundingClientRect().top;
  for (const row of list.querySelectorAll<HTMLElement>(':scope > [data-key]')) {
    if (row.getBoundingClientRect().bottom <= top) continue;
    return { key: row.dataset.key ?? '', offset: topOf(row) - top };
  }
  return undefined;
}

/** `scrolled`: so far the reader has moved the list since the place of the row was taken. */
function hold(list: HTMLElement, { key, offset }: Anchor, scrolled: number): void {
  const row = list.querySelector<HTMLElement>(`:scope > [data-key="${CSS.escape(key)}"]`);
  if (!row) return;
  const moved = topOf(row) - list.getBoundingClientRect().top - offset + scrolled;
  if (Math.abs(moved) >= 1) list.scrollTop += moved;
}

/** The place of a row is that of its text: the date and the name above it go away when older messages come. */
function topOf(row: HTMLElement): number {
  return (row.querySelector('[data-anchor]') ?? row).getBoundingClientRect().top;
}
