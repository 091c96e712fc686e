import type { Reaction } from '../../protocol/rooms.ts';
import type { Language } from '../language/texts.ts';

export interface ReactionsProps {
  readonly reactions: readonly Reaction[];
  /** Those that are the reader's own. */
  readonly own: readonly string[];
  readonly mayReact: boolean;
  readonly nameOf: (userId: string) => string | undefined;
  readonly texts: Language['room'];
  readonly onToggle: (reaction: string) => void;
}

/** The reactions to a message as chips; one click adds the reader's own or takes it back. */
export function Reactions({ reactions, own, mayReact, nameOf, texts, onToggle }: ReactionsProps) {
  return (
    <ul class="reactions" aria-label={texts.reactions}>
      {reactions.map(({ reaction, count, users }) => {
        const isOwn = own.includes(reaction);
        const names = users.flatMap((userId) => nameOf(userId) ?? []);
        const label = texts.reactedBy(names, count);
        return (
          <li key={reaction}>
            <button
              type="button"
              class="reaction"
              tabIndex={-1}
              disabled={!mayReact}
              aria-pressed={isOwn}
              aria-label={`${reaction} ${label}`}
              title={label}
              onClick={() => onToggle(reaction)}
            >
              <bdi>{reaction}</bdi> {count}
            </button>
          </li>
        );
      })}
    </ul>
  );
}
