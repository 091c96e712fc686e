import type { Case } from './case.ts';
import { wordsOf } from './rounds.ts';
import type { Row } from './rows.ts';

/** A case's rows for the terminal: a line per setting and system. */
export function printedTable({ title, figures }: Case, rows: readonly Row[]): string {
  const baseline = rows.find((row) => row.baseline !== undefined)?.baseline?.split('@')[0];
  const head = ['', 'system', ...figures.map((figure) => figure.title), 'failed'];
  if (baseline !== undefined) head.splice(3, 0, `÷ ${baseline}`);
  const lines = rows.map((row) => {
    const cells = figures.map(({ value, digits }) => {
      const spread = row.values[value];
      if (spread === undefined) return '–';
      const [median, min, max] = [spread.median, spread.min, spread.max].map((n) => n.toFixed(digits));
      return min === max ? `${median}` : `${median} (${min}…${max})`;
    });
    const ratio = row.ratios?.[figures[0]?.value ?? ''];
    const compared =
      ratio === undefined
        ? ''
        : `${ratio.median.toFixed(2)} (${ratio.min.toFixed(2)}…${ratio.max.toFixed(2)})`;
    if (baseline !== undefined) cells.splice(1, 0, compared);
    const failed = row.failed.length === 0 ? '' : `${row.failed.length}`;
    return [wordsOf(row.params), row.system, ...cells, failed];
  });
  const all = [head, ...lines];
  const widths = head.map((_, column) => Math.max(...all.map((line) => line[column]?.length ?? 0)));
  const text = all.map((line) =>
    line
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return [title, ...text].join('\n');
}
