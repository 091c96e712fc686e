import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Language } from '../language/texts.ts';
import { EmojiPicker } from '../text/emoji/emoji-picker.tsx';
import { MoreIcon } from '../ui/icons.tsx';
import { type MessageAction, QUICK_REACTIONS } from './message-actions.ts';

export interface MessageMenuProps {
  readonly actions: readonly MessageAction[];
  /** The place of the row in the window. */
  readonly at: DOMRect;
  readonly texts: Language['room'];
  readonly onAct: (action: MessageAction) => void;
  readonly onReact: (reaction: string) => void;
  readonly onClose: () => void;
}

const EDGE_PX = 8;

/** The menu of a message: below or above its row, on a phone a sheet at the bottom. */
export function MessageMenu({ actions, at, texts, onAct, onReact, onClose }: MessageMenuProps) {
  const menu = useRef<HTMLDivElement>(null);
  const [picking, setPicking] = useState(false);

  useLayoutEffect(() => {
    const box = menu.current;
    if (!box) return;
    const { height } = box.getBoundingClientRect();
    const below = at.top + 36;
    const top = below + height + EDGE_PX <= window.innerHeight ? below : at.top - height;
    box.style.setProperty('--menu-top', `${Math.max(EDGE_PX, top)}px`);
    box.style.setProperty('--menu-right', `${Math.max(EDGE_PX, window.innerWidth - at.right + 16)}px`);
    box.querySelector<HTMLElement>('[role=menuitem]')?.focus();
  }, [at, picking]);

  function onKeyDown(event: KeyboardEvent): void {
    const items = [...(menu.current?.querySelectorAll<HTMLElement>('[role=menuitem]') ?? [])];
    const index = items.indexOf(document.activeElement as HTMLElement);
    const step = STEPS[event.key];
    if (event.key === 'Escape' || event.key === 'Tab') onClose();
    else if (event.key === 'Home') items.at(0)?.focus();
    else if (event.key === 'End') items.at(-1)?.focus();
    else if (step) items.at((index + step) % items.length)?.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  if (picking) {
    return (
      <>
        <div class="menu-backdrop" />
        <div class="message-menu" ref={menu}>
          <EmojiPicker onPick={onReact} onClose={onClose} />
        </div>
      </>
    );
  }
  return (
    <>
      <div class="menu-backdrop" onPointerDown={onClose} />
      <div class="message-menu" role="menu" aria-label={texts.actions} ref={menu} onKeyDown={onKeyDown}>
        {actions.includes('react') && (
          <div class="quick-reactions" role="none">
            {QUICK_REACTIONS.map((reaction) => (
              <Item key={reaction} onClick={() => onReact(reaction)} label={texts.reactWith(reaction)}>
                {reaction}
              </Item>
            ))}
            <Item onClick={() => setPicking(true)} label={texts.moreReactions}>
              <MoreIcon />
            </Item>
          </div>
        )}
        {actions.map(
          (action) =>
            action !== 'react' && (
              <Item key={action} onClick={() => onAct(action)} danger={action === 'delete'}>
                {texts.action[action]}
              </Item>
            ),
        )}
      </div>
    </>
  );
}

/** The reactions stand side by side, so left and right are steps too. */
const STEPS: Readonly<Record<string, number>> = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };

interface ItemProps {
  readonly onClick: () => void;
  readonly label?: string;
  readonly danger?: boolean;
  readonly children: ComponentChildren;
}

function Item({ onClick, label, danger, children }: ItemProps) {
  return (
    <button
      type="button"
      role="menuitem"
      tabIndex={-1}
      class={danger ? 'menu-item danger' : 'menu-item'}
      aria-label={label}
      title={label}
      onClick={onClick}
    >
      {children}
    </button>
  );
}
