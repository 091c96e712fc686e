import type { Language } from '../language/texts.ts';
import { excerptOf } from '../text/excerpt.ts';
import type { Quote } from './quotes.ts';

export interface QuotedLineProps {
  readonly quote: Quote;
  readonly texts: Language['room'];
  readonly onGoTo: (seq: number) => void;
}

/** The characters of a message that one line shows of it. */
export const EXCERPT_CHARS = 140;

/** The line of the message that a reply answers; a click goes there. */
export function QuotedLine({ quote: { seq, message }, texts, onGoTo }: QuotedLineProps) {
  if (message?.deleted) return <p class="quoted">{texts.removed}</p>;
  return (
    <button type="button" class="quoted" tabIndex={-1} title={texts.goToQuoted} onClick={() => onGoTo(seq)}>
      {message ? (
        <>
          <bdi class="name">{message.data.username}</bdi>{' '}
          <bdi>{excerptOf(message.data.text, EXCERPT_CHARS)}</bdi>
        </>
      ) : (
        texts.earlierMessage
      )}
    </button>
  );
}
