import { useTexts } from '../language/texts.ts';
import type { DeletedRow, NoticeRow } from './rows.ts';

/** The text of a row that nobody wrote. */
export function NoticeText({ row }: { row: NoticeRow | DeletedRow }) {
  const { room: texts } = useTexts();
  if (row.kind === 'deleted') return <>{texts.removed}</>;
  const { entry, own } = row;
  if (entry.notice === 'missing') return <>{texts.maybeMissing}</>;
  return (
    <>
      {own ? texts.you : <bdi>{entry.username}</bdi>} {entry.notice === 'join' ? texts.joined : texts.left}
    </>
  );
}
