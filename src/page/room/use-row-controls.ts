import type { RefObject } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { excerptOf } from '../text/excerpt.ts';
import type { ChatState } from './chat-state.ts';
import { listCommand } from './list-keys.ts';
import { createLongPress } from './long-press.ts';
import { actionsOf, type MessageAction } from './message-actions.ts';
import { EXCERPT_CHARS } from './quoted-line.tsx';
import type { RoomActions } from './room-actions.ts';
import type { RowFocus } from './row-focus.ts';
import type { Row, SaidRow } from './rows.ts';
import type { VirtualRows } from './virtual-rows.ts';

export interface RowControlsDeps {
  readonly box: RefObject<HTMLDivElement | null>;
  readonly rows: readonly Row[];
  readonly state: Pick<ChatState, 'can'>;
  readonly actions: RoomActions;
  readonly list: Pick<VirtualRows, 'scrollTo'>;
  readonly focus: RowFocus;
  readonly onGoTo: (seq: number) => void;
}

/** The thing that is open for a row: its menu, or the question whether to delete it. */
export interface OpenControl {
  readonly kind: 'menu' | 'delete';
  readonly key: string;
  /** The place of the row in the window. */
  readonly at: DOMRect;
}

export type RowControlsState = ReturnType<typeof useRowControls>;

/** The keyboard, the mouse and the finger on rows. */
export function useRowControls({ box, rows, state, actions, list, focus, onGoTo }: RowControlsDeps) {
  const [hovered, setHovered] = useState<string | undefined>(undefined);
  const [open, setOpen] = useState<OpenControl | undefined>(undefined);
  const latest = useRef({ rows, focus });
  latest.current = { rows, focus };
  const [press] = useState(() => createLongPress((row) => openAt(row)));
  useEffect(() => press.cancel, [press]);

  const nodeOf = (index: number) =>
    box.current?.querySelector<HTMLElement>(`:scope > [data-index="${index}"]`) ?? undefined;

  function openAt(node: HTMLElement, kind: OpenControl['kind'] = 'menu'): void {
    const row = latest.current.rows[Number(node.dataset.index)];
    if (!row || actionsOf(row, state.can).length === 0) return;
    latest.current.focus.focus(Number(node.dataset.index));
    setOpen({ kind, key: row.key, at: node.getBoundingClientRect() });
  }

  function close(): void {
    setOpen(undefined);
    const index = rows.findLastIndex(({ key }) => key === open?.key);
    if (index >= 0) focus.focus(index);
  }

  function act(action: MessageAction, index: number, node = nodeOf(index)): void {
    const row = rows[index];
    if (row?.kind !== 'said' || !actionsOf(row, state.can).includes(action)) return;
    setOpen(undefined);
    if (action === 'copy') {
      focus.focus(index);
      void navigator.clipboard?.writeText(row.text).catch(() => undefined);
    } else if (action === 'quoted') {
      if (row.message?.replyTo !== undefined) onGoTo(row.message.replyTo);
    } else if (action === 'delete' && node) openAt(node, 'delete');
    else {
      actOnMessage(action, row, actions);
      // At once: the next key belongs to the field already.
      focusField();
    }
  }

  function onKeyDown(event: KeyboardEvent): void {
    const node = event.target instanceof HTMLElement ? event.target : undefined;
    // A button or a link in a row has keys of its own.
    if (!node?.matches('[data-index]')) return;
    const index = Number(node.dataset.index);
    const command = listCommand(event, index, rows.length);
    if (!command) return;
    if ('act' in command && !actionsOf(rows[index], state.can).includes(command.act)) return;
    event.preventDefault();
    if ('move' in command) {
      list.scrollTo(command.move, 'auto');
      focus.focus(command.move);
    } else if ('open' in command) openAt(node);
    else if ('act' in command) act(command.act, index, node);
    else focusField();
  }

  // Somebody else deleted the message meanwhile.
  const isGone = open !== undefined && rows.findLast(({ key }) => key === open.key)?.kind !== 'said';
  useLayoutEffect(() => {
    if (isGone) close();
  });

  return {
    hovered,
    open,
    act: (action: MessageAction, index: number) => act(action, index),
    openMenu(index: number) {
      const node = nodeOf(index);
      if (node) openAt(node);
    },
    close,
    react(key: string, reaction: string) {
      const row = rows.findLast((one) => one.key === key);
      close();
      if (row?.kind === 'said' && row.message) actions.react(row.message.seq, reaction);
    },
    remove(key: string) {
      const row = rows.findLast((one) => one.key === key);
      if (row?.kind === 'said' && row.message) actions.request({ kind: 'delete', seq: row.message.seq });
    },
    handlers: {
      onKeyDown,
      onPointerOver({ target, pointerType }: PointerEvent) {
        if (pointerType === 'touch') return;
        setHovered(rowNode(target)?.dataset.key);
      },
      onPointerLeave: () => setHovered(undefined),
      onPointerDown(event: PointerEvent) {
        const node = rowNode(event.target);
        if (event.pointerType === 'touch' && node) press.start(event, node);
      },
      onPointerMove: press.move,
      onPointerUp: press.cancel,
      onPointerCancel: press.cancel,
      onTouchEnd(event: TouchEvent) {
        if (press.lift()) event.preventDefault();
      },
      onContextMenu(event: MouseEvent) {
        // On a phone a long press opens the menu of the message instead.
        if (matchMedia('(pointer: coarse)').matches) event.preventDefault();
      },
    },
  };
}

function actOnMessage(action: MessageAction, { message, text, author }: SaidRow, actions: RoomActions): void {
  if (!message) return;
  const { epoch, seq } = message;
  if (action === 'reply') {
    actions.target({
      kind: 'reply',
      epoch,
      seq,
      username: author.username,
      text: excerptOf(text, EXCERPT_CHARS),
    });
  } else if (action === 'edit') actions.target({ kind: 'edit', epoch, seq, text });
}

function focusField(): void {
  document.querySelector<HTMLElement>('.composer textarea')?.focus();
}

function rowNode(target: EventTarget | null): HTMLElement | undefined {
  if (!(target instanceof Element)) return undefined;
  return target.closest<HTMLElement>('[data-index]') ?? undefined;
}
