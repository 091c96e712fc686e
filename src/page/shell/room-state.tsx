import { useEffect, useRef } from 'preact/hooks';
import { describeProblem, type Problem } from '../language/problems.ts';
import { type Language, useTexts } from '../language/texts.ts';

export interface RoomStateProps {
  readonly problem: Problem;
  readonly onRetry: () => void;
  readonly onLeave: () => void;
}

/** Stands in the place of a room that the reader is not in: the reason, and the way back. */
export function RoomState({ problem, onRetry, onLeave }: RoomStateProps) {
  const language = useTexts();
  const { shell: texts } = language;
  const head = useRef<HTMLHeadingElement>(null);
  // The field that had the focus is gone.
  useEffect(() => head.current?.focus(), []);
  return (
    <main class="state-screen">
      <h2 tabIndex={-1} ref={head}>
        {titleOf(problem, language)}
      </h2>
      <p role="status">
        {describeProblem(language, problem, Date.now())}
        {problem.code === 'full' && ` ${texts.fullHint}`}
      </p>
      <div class="state-actions">
        <button type="button" class="primary" onClick={onRetry}>
          {isDisconnected(problem)
            ? texts.reconnect
            : problem.code === 'full'
              ? texts.tryAgain
              : texts.enterAgain}
        </button>
        <button type="button" class="text-button" onClick={onLeave}>
          {texts.leave}
        </button>
      </div>
    </main>
  );
}

function titleOf({ code, ...problem }: Problem, { shell: texts }: Language): string {
  if (code === 'kicked') return texts.youWereRemoved;
  if (code === 'banned' || code === 'excluded') return texts.youAreBanned;
  if (code === 'full') return texts.roomIsFull;
  return isDisconnected({ code, ...problem }) ? texts.youAreDisconnected : texts.notHere;
}

function isDisconnected({ code }: Problem): boolean {
  return (
    code === 'lost' ||
    code === 'disconnected' ||
    code === 'expired' ||
    code === 'over_limit' ||
    code === 'slow'
  );
}
