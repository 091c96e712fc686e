import type { ComponentChildren } from 'preact';
import { useTexts } from '../language/texts.ts';
import type { Row } from './rows.ts';

export function DayRow({ at }: { at: number }) {
  const { format } = useTexts();
  return <p class="day">{format.day(at)}</p>;
}

export interface NoticeRowProps {
  readonly row: Extract<Row, { kind: 'notice' }>;
  /** The way to load what a gap misses. */
  readonly children?: ComponentChildren;
}

export function NoticeRow({ row: { entry, own }, children }: NoticeRowProps) {
  const { room: texts } = useTexts();
  if (entry.notice === 'missing') {
    return (
      <>
        <p class="notice missing">{texts.maybeMissing}</p>
        {children}
      </>
    );
  }
  if (entry.notice === 'removed') return <p class="notice">{texts.removed}</p>;
  const name = own ? texts.you : <bdi>{entry.username}</bdi>;
  return (
    <p class="notice">
      {name} {entry.notice === 'join' ? texts.joined : texts.left}
    </p>
  );
}
