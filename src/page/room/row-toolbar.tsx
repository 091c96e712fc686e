import type { Language } from '../language/texts.ts';
import { MoreIcon, ReactIcon, ReplyIcon } from '../ui/icons.tsx';
import type { MessageAction } from './message-actions.ts';

export interface RowToolbarProps {
  readonly actions: readonly MessageAction[];
  readonly texts: Language['room'];
  readonly onAct: (action: MessageAction) => void;
  readonly onMenu: () => void;
}

/** The actions for a mouse, at the corner of a row. The keyboard has the menu, so none of them takes a step of Tab. */
export function RowToolbar({ actions, texts, onAct, onMenu }: RowToolbarProps) {
  return (
    <div class="row-toolbar">
      {actions.includes('react') && (
        <button
          type="button"
          tabIndex={-1}
          title={texts.action.react}
          aria-label={texts.action.react}
          onClick={onMenu}
        >
          <ReactIcon />
        </button>
      )}
      {actions.includes('reply') && (
        <button
          type="button"
          tabIndex={-1}
          title={texts.action.reply}
          aria-label={texts.action.reply}
          onClick={() => onAct('reply')}
        >
          <ReplyIcon />
        </button>
      )}
      <button type="button" tabIndex={-1} title={texts.actions} aria-label={texts.actions} onClick={onMenu}>
        <MoreIcon />
      </button>
    </div>
  );
}
