/** The columns of the picker; the style sheet has the same number. */
export const COLUMNS = 8;

export type GridKey = 'ArrowLeft' | 'ArrowRight' | 'ArrowUp' | 'ArrowDown' | 'Home' | 'End';

export function isGridKey(key: string): key is GridKey {
  return ['ArrowLeft', 'ArrowRight', 'ArrowUp', 'ArrowDown', 'Home', 'End'].includes(key);
}

/**
 * The emoji to which a key leads in the picker. The emoji stand in sections of so many each, every one of which begins a row;
 * they are counted through.
 */
export function moveInGrid(sections: readonly number[], index: number, key: GridKey): number {
  const rows = rowsOf(sections);
  const count = sections.reduce((sum, size) => sum + size, 0);
  const at = rows.findIndex(({ start, size }) => index < start + size);
  const row = rows[at];
  if (!row) return 0;
  const column = index - row.start;
  switch (key) {
    case 'ArrowLeft':
      return Math.max(0, index - 1);
    case 'ArrowRight':
      return Math.min(count - 1, index + 1);
    case 'Home':
      return row.start;
    case 'End':
      return row.start + row.size - 1;
    default: {
      const next = rows[key === 'ArrowUp' ? at - 1 : at + 1];
      return next ? next.start + Math.min(column, next.size - 1) : index;
    }
  }
}

function rowsOf(sections: readonly number[]): readonly { readonly start: number; readonly size: number }[] {
  const rows: { start: number; size: number }[] = [];
  let start = 0;
  for (const section of sections) {
    for (let left = section; left > 0; left -= COLUMNS) {
      const size = Math.min(left, COLUMNS);
      rows.push({ start, size });
      start += size;
    }
  }
  return rows;
}
