import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Mute, Typist } from './chat-state.ts';

const SECOND_MS = 1_000;
/** The longest timer of browsers. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;
const time = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const dayAndTime = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
const DAY_MS = 86_400_000;

/** The line above the field: a mute, or else who is writing. */
export function ComposerNote({ mute, typists }: { mute?: Mute; typists: readonly Typist[] }) {
  const muted = useLasting(mute);
  return (
    <div class={muted ? 'composer-note muted' : 'composer-note'}>
      <span role="status">{muted && mutedSentence(muted)}</span>
      {/* Screen readers skip it: it would interrupt the messages. */}
      {!muted && <span aria-live="off">{typingSentence(typists)}</span>}
    </div>
  );
}

/** The mute until it ends, then undefined. */
function useLasting(mute: Mute | undefined): Mute | undefined {
  const [, look] = useState(0);
  const leftMs = mute?.until === undefined ? undefined : mute.until - Date.now();
  useEffect(() => {
    if (leftMs === undefined || leftMs <= 0) return;
    const timer = setTimeout(
      () => look((looks) => looks + 1),
      Math.min(leftMs + SECOND_MS, LONGEST_TIMER_MS),
    );
    return () => clearTimeout(timer);
  }, [leftMs]);
  return leftMs !== undefined && leftMs <= 0 ? undefined : mute;
}

function mutedSentence({ until }: Mute): string {
  if (until === undefined) return 'You are muted in this room.';
  const format = until - Date.now() < DAY_MS ? time : dayAndTime;
  return `You are muted in this room until ${format.format(until)}.`;
}

function typingSentence([first, second, third]: readonly Typist[]): ComponentChildren {
  if (!first) return undefined;
  if (!second) {
    return (
      <>
        <bdi>{first.username}</bdi> is typing…
      </>
    );
  }
  if (third) return 'Several people are typing…';
  return (
    <>
      <bdi>{first.username}</bdi> and <bdi>{second.username}</bdi> are typing…
    </>
  );
}
