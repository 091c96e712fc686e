import { readFile, writeFile } from 'node:fs/promises';

const START = '<!-- bench -->';
const END = '<!-- /bench -->';

/** What stands between the markers. */
export function tableIn(text: string): string {
  const [start, end] = [text.indexOf(START), text.indexOf(END)];
  if (start < 0 || end < start) throw new Error(`there is no ${START} … ${END}`);
  return text.slice(start + START.length, end).trim();
}

export async function replaceTable(file: URL, table: string): Promise<void> {
  const text = await readFile(file, 'utf8');
  if (tableIn(text) === table) return;
  const [at, end] = [text.indexOf(START) + START.length, text.indexOf(END)];
  await writeFile(file, `${text.slice(0, at)}\n\n${table}\n\n${text.slice(end)}`);
}
