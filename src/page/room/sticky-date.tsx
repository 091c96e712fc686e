import { useTexts } from '../language/texts.ts';
import type { Row } from './rows.ts';

/** The date of the first row in sight, above the list. Readers of the rows themselves find it before the day's first row. */
export function StickyDate({ row }: { row: Row | undefined }) {
  const { format } = useTexts();
  const at = row?.kind === 'said' && row.day === undefined ? row.at : undefined;
  return (
    <div class="sticky-date" aria-hidden="true">
      {at !== undefined && <span class="day">{format.day(at)}</span>}
    </div>
  );
}
