import { readFile, writeFile } from 'node:fs/promises';

const marksOf = (name: string) => [`<!-- ${name} -->`, `<!-- /${name} -->`] as const;

/** Returns the text between the markers of that name. */
export function tableIn(text: string, name = 'bench'): string {
  const [before, after] = marksOf(name);
  const [start, end] = [text.indexOf(before), text.indexOf(after)];
  if (start < 0 || end < start) throw new Error(`there is no ${before} … ${after}`);
  return text.slice(start + before.length, end).trim();
}

export async function replaceTable(file: URL, table: string, name = 'bench'): Promise<void> {
  const text = await readFile(file, 'utf8');
  if (tableIn(text, name) === table) return;
  const [before, after] = marksOf(name);
  const [at, end] = [text.indexOf(before) + before.length, text.indexOf(after)];
  await writeFile(file, `${text.slice(0, at)}\n\n${table}\n\n${text.slice(end)}`);
}
