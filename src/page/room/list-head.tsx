import { useTexts } from '../language/texts.ts';
import type { ChatState } from './chat-state.ts';

/** The heights of what stands above the first row and below the last one. They are in styles/room.css too. */
export const HEAD_PX = 56;
export const TAIL_PX = 12;

export interface LoadEarlierProps extends Pick<ChatState, 'earlier'> {
  readonly onEarlier: () => void;
}

export interface ListHeadProps extends LoadEarlierProps, Pick<ChatState, 'more'> {
  readonly canLoad: boolean;
}

/** The way to older messages, above the first row. */
export function ListHead({ canLoad, more, ...load }: ListHeadProps) {
  const { room: texts } = useTexts();
  return (
    <div class="list-head">
      {canLoad && <LoadEarlier {...load} />}
      {more && !canLoad && <p class="notice">{texts.noFurther}</p>}
    </div>
  );
}

export function LoadEarlier({ earlier, onEarlier }: LoadEarlierProps) {
  const { room: texts } = useTexts();
  return (
    <button type="button" class="earlier" disabled={earlier === 'loading'} onClick={onEarlier}>
      {{ idle: texts.loadEarlier, loading: texts.loading, failed: texts.loadFailed }[earlier]}
    </button>
  );
}
