import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { isTime } from '../language/formats.ts';
import { type Language, useTexts } from '../language/texts.ts';
import type { Mute, Typist } from './typist.ts';

const SECOND_MS = 1_000;
/** The longest timer of browsers. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The line above the field: a mute, or else who is writing. */
export function ComposerNote({ mute, typists }: { mute?: Mute; typists: readonly Typist[] }) {
  const { composer: texts, format } = useTexts();
  const muted = useLasting(mute);
  return (
    <div class={muted ? 'composer-note muted' : 'composer-note'}>
      <span role="status">{muted && texts.muted(format.until(muted.until, Date.now()))}</span>
      {/* Screen readers skip it: it would interrupt the messages. */}
      {!muted && <span aria-live="off">{typingSentence(typists, texts)}</span>}
    </div>
  );
}

/** The mute until it ends, then undefined. */
function useLasting(mute: Mute | undefined): Mute | undefined {
  const [, look] = useState(0);
  const leftMs = isTime(mute?.until) ? mute.until - Date.now() : undefined;
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

function typingSentence(
  [first, second, third]: readonly Typist[],
  texts: Language['composer'],
): ComponentChildren {
  if (!first) return undefined;
  if (!second) {
    return (
      <>
        <bdi>{first.username}</bdi> {texts.isTyping}
      </>
    );
  }
  if (third) return texts.severalTyping;
  return (
    <>
      <bdi>{first.username}</bdi> {texts.and} <bdi>{second.username}</bdi> {texts.areTyping}
    </>
  );
}
