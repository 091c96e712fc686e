import { describeProblem } from '../language/problems.ts';
import { useTexts } from '../language/texts.ts';
import type { FailedRequest, MessageRequest } from './requests.ts';

export interface FailedNoteProps {
  readonly failed: FailedRequest;
  readonly onRepeat: (request: MessageRequest) => void;
  readonly onClose: () => void;
}

/** Says that a message could not be changed, and offers to try again. */
export function FailedNote({ failed: { request, problem }, onRepeat, onClose }: FailedNoteProps) {
  const language = useTexts();
  const { room: texts } = language;
  return (
    <div class="request-failed" role="alert">
      <span>
        {texts.failed[request.kind]} {describeProblem(language, problem, 0)}
      </span>
      <span>
        <button type="button" class="text-button" onClick={() => onRepeat(request)}>
          {texts.retry}
        </button>{' '}
        <button type="button" class="text-button" onClick={onClose}>
          {texts.close}
        </button>
      </span>
    </div>
  );
}
