import type { RoomEntry, RoomGap } from '../protocol/rooms.ts';
import type { SentEvent } from './event-source.ts';

/** Control, direction and zero-width characters could rewrite the terminal or the line. */
const UNSHOWABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** One line for people. A text of several lines is shown in one. */
export function lineOf(roomid: string, { name, data }: SentEvent): string {
  if (name === 'gap') {
    const { from, to, reason } = JSON.parse(data) as RoomGap;
    return `- ${shown(roomid)} ${from === to ? from : `${from} to ${to}`} cannot be had any more (${reason})`;
  }
  const entry = JSON.parse(data) as RoomEntry;
  const head = `${new Date(entry.at).toISOString()} ${shown(roomid)} ${entry.seq}`;
  if (entry.event === 'edited') return `${head} edited ${entry.ref}${contentOf(entry.data)}`;
  if (entry.event === 'reacted') {
    const { reaction, on } = entry.data;
    return `${head} reacted ${entry.ref}: ${on ? '' : 'no more '}${shown(reaction)}`;
  }
  if (entry.event !== 'broadcast_say')
    return `${head} ${entry.event} ${'ref' in entry ? entry.ref : ''}`.trim();
  if ('deleted' in entry && entry.deleted) return `${head} (deleted)`;
  return `${head} ${shown(entry.data.username)}${contentOf(entry.data)}`;
}

function contentOf({ text, data }: { readonly text?: string; readonly data?: unknown }): string {
  if (text) return `: ${shown(text)}`;
  return data === undefined ? '' : `: ${shown(JSON.stringify(data))}`;
}

function shown(text: string): string {
  return text.replace(/\r?\n/g, '⏎').replace(UNSHOWABLE, '\ufffd');
}
