import type { Right } from '../../protocol/rights.ts';
import type { Language } from '../language/texts.ts';
import { excerptOf } from '../text/excerpt.ts';
import { DeleteDialog } from './delete-dialog.tsx';
import { actionsOf } from './message-actions.ts';
import { MessageMenu } from './message-menu.tsx';
import { EXCERPT_CHARS } from './quoted-line.tsx';
import type { Row } from './rows.ts';
import type { RowControlsState } from './use-row-controls.ts';

export interface RowControlsProps {
  readonly controls: RowControlsState;
  readonly rows: readonly Row[];
  readonly can: readonly Right[] | undefined;
  readonly texts: Language['room'];
}

/** The menu of a row, or the question whether to delete its message. */
export function RowControls({ controls, rows, can, texts }: RowControlsProps) {
  const { open } = controls;
  if (!open) return null;
  const index = rows.findLastIndex(({ key }) => key === open.key);
  const row = rows[index];
  if (row?.kind !== 'said') return null;
  if (open.kind === 'delete') {
    return (
      <DeleteDialog
        username={row.author.username}
        text={excerptOf(row.text, EXCERPT_CHARS)}
        texts={texts}
        onDelete={() => controls.remove(open.key)}
        onClose={controls.close}
      />
    );
  }
  return (
    <MessageMenu
      actions={actionsOf(row, can)}
      at={open.at}
      texts={texts}
      onAct={(action) => controls.act(action, index)}
      onReact={(reaction) => controls.react(open.key, reaction)}
      onClose={controls.close}
    />
  );
}
