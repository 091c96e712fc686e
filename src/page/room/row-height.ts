import type { Row } from './rows.ts';

const LINE_PX = 23;
const LINE_CHARS = 72;
const HEADER_PX = 34;
const DAY_PX = 40;
const REACTIONS_PX = 30;
const REPLY_PX = 24;
const NOTICE_PX = 28;
const PADDING_PX = 2;

/** The height that a row will have, more or less: it is measured once it is drawn. */
export function estimateHeight(row: Row | undefined): number {
  if (!row) return LINE_PX;
  const day = row.day === undefined ? 0 : DAY_PX;
  if (row.kind !== 'said') return NOTICE_PX + day;
  const { message, text, opens, draft } = row;
  let height = PADDING_PX + day + LINE_PX * countLines(text);
  if (opens) height += HEADER_PX;
  if (message?.reactions) height += REACTIONS_PX;
  if (message?.replyTo !== undefined || draft?.replyTo !== undefined) height += REPLY_PX;
  return height;
}

function countLines(text: string): number {
  if (text.length <= LINE_CHARS && !text.includes('\n')) return 1;
  return text
    .split('\n')
    .reduce((lines, line) => lines + Math.max(1, Math.ceil(line.length / LINE_CHARS)), 0);
}
