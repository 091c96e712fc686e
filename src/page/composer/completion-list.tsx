import { useEffect, useRef } from 'preact/hooks';
import { useTexts } from '../language/texts.ts';
import { Avatar } from '../ui/avatar.tsx';
import type { Option } from './use-completion.ts';

export interface CompletionListProps {
  readonly id: string;
  readonly options: readonly Option[];
  readonly active: number;
  readonly onPick: (option: Option) => void;
}

export function optionId(id: string, index: number): string {
  return `${id}-${index}`;
}

/** The list above the field. The field keeps the focus and says which option is active. */
export function CompletionList({ id, options, active, onPick }: CompletionListProps) {
  const { composer: texts } = useTexts();
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  }, [active]);
  return (
    <div class="completion" id={id} role="listbox" aria-label={texts.suggestions} tabIndex={-1} ref={list}>
      {options.map((option, index) => (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the field has the keys
        <div
          key={option.key}
          id={optionId(id, index)}
          role="option"
          tabIndex={-1}
          aria-selected={index === active}
          // The field keeps the focus.
          onMouseDown={(event) => event.preventDefault()}
          onClick={() => onPick(option)}
        >
          {option.emoji && <span class="completion-emoji">{option.emoji}</span>}
          {option.member && <Avatar username={option.name} avatar={option.member.avatar} />}
          <bdi>{option.name}</bdi>
        </div>
      ))}
    </div>
  );
}
