import type { InboxItem } from '../../client/index.ts';

const MAX_CHARS = 500;
/** The fields in which back ends put a text for people, in the order of preference. */
const TEXT_FIELDS = ['text', 'message', 'content', 'title', 'name', 'body'] as const;

/** The content of an item in one line; the data of back ends may be any JSON. */
export function itemText(item: InboxItem): string {
  if (item.kind === 'mention') return item.data.roomid;
  return textOf(item.data).slice(0, MAX_CHARS);
}

function textOf(data: unknown): string {
  if (typeof data === 'string') return data;
  if (typeof data === 'object' && data !== null && !Array.isArray(data)) {
    for (const field of TEXT_FIELDS) {
      const value = (data as Record<string, unknown>)[field];
      if (typeof value === 'string' && value !== '') return value;
    }
  }
  return JSON.stringify(data) ?? '';
}
