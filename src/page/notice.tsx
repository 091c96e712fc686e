import type { ComponentChildren } from 'preact';
import type { Row } from './rows.ts';

const day = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });

export function DayRow({ at }: { at: number }) {
  return <p class="day">{day.format(at)}</p>;
}

export interface NoticeRowProps {
  readonly row: Extract<Row, { kind: 'notice' }>;
  /** The way to load what a gap misses. */
  readonly children?: ComponentChildren;
}

export function NoticeRow({ row: { entry, own }, children }: NoticeRowProps) {
  if (entry.notice === 'missing') {
    return (
      <>
        <p class="notice missing">Some messages may be missing here.</p>
        {children}
      </>
    );
  }
  if (entry.notice === 'removed') return <p class="notice">A message was removed</p>;
  const name = own ? 'You' : <bdi>{entry.username}</bdi>;
  return (
    <p class="notice">
      {name} {entry.notice === 'join' ? 'joined' : 'left'}
    </p>
  );
}
