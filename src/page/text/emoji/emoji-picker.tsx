import { useContext, useEffect, useId, useMemo, useRef, useState } from 'preact/hooks';
import type { Language } from '../../language/texts.ts';
import { useTexts } from '../../language/texts.ts';
import { EMOJI_GROUPS, type Emoji, searchEmoji } from './emoji.ts';
import { isGridKey, moveInGrid } from './emoji-grid.ts';
import { noteUsed, RecentEmojiContext, readRecent } from './recent-emoji.ts';
import { useEmoji } from './use-emoji.ts';

export interface EmojiPickerProps {
  readonly onPick: (emoji: string) => void;
  /** Closed without a choice: by Escape, or because the focus went elsewhere. */
  readonly onClose: (byEscape: boolean) => void;
}

interface Section {
  readonly title: string;
  readonly emoji: readonly Emoji[];
}

const MAX_FOUND = 64;

/** A small window with emoji: type to search, arrows to choose, Enter to take. The cursor stays in its search field. */
export function EmojiPicker({ onPick, onClose }: EmojiPickerProps) {
  const language = useTexts();
  const { emoji: texts } = language;
  const recent = useContext(RecentEmojiContext);
  const [query, setQuery] = useState('');
  const [chosen, setChosen] = useState(0);
  const { all, failed } = useEmoji(true);
  const used = useMemo(() => (recent ? readRecent(recent) : []), [recent]);
  const sections = useMemo(() => sectionsOf(all ?? [], used, query, language), [all, used, query, language]);
  const shown = sections.flatMap(({ emoji }) => emoji);
  const active = shown[chosen];
  const box = useRef<HTMLDivElement>(null);
  const search = useRef<HTMLInputElement>(null);
  const id = useId();

  useEffect(() => search.current?.focus(), []);
  useEffect(() => {
    box.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  }, [chosen, query]);

  function pick(emoji: string): void {
    if (recent) noteUsed(recent, emoji);
    onPick(emoji);
  }

  function onKeyDown(event: KeyboardEvent): void {
    if (event.isComposing) return;
    if (isGridKey(event.key)) {
      const sizes = sections.map(({ emoji }) => emoji.length);
      setChosen(moveInGrid(sizes, chosen, event.key));
    } else if (event.key === 'Enter' && active) pick(active.emoji);
    else if (event.key === 'Escape') onClose(true);
    else if (event.key !== 'Enter') return;
    event.preventDefault();
    // The room has shortcuts of its own for these keys.
    event.stopPropagation();
  }

  let index = 0;
  return (
    <div
      class="emoji-picker"
      role="dialog"
      aria-label={texts.title}
      ref={box}
      onKeyDown={onKeyDown}
      onFocusOut={({ relatedTarget }) => {
        if (!(relatedTarget instanceof Node && box.current?.contains(relatedTarget))) onClose(false);
      }}
    >
      <input
        ref={search}
        type="text"
        role="combobox"
        aria-label={texts.search}
        placeholder={texts.search}
        aria-expanded={shown.length > 0}
        aria-controls={`${id}list`}
        aria-activedescendant={active && `${id}${chosen}`}
        autocomplete="off"
        spellcheck={false}
        value={query}
        onInput={({ currentTarget }) => {
          setQuery(currentTarget.value);
          setChosen(0);
        }}
      />
      <div class="emoji-list" id={`${id}list`} role="listbox" aria-label={texts.title} tabIndex={-1}>
        {sections.map(({ title, emoji }) => (
          // biome-ignore lint/a11y/useSemanticElements: a group of options of a listbox
          <div key={title} role="group" aria-label={title} class="emoji-group">
            <p aria-hidden="true">{title}</p>
            {emoji.map((one) => {
              const at = index++;
              return (
                // biome-ignore lint/a11y/useKeyWithClickEvents: the search field has the keys
                <div
                  key={one.emoji}
                  id={`${id}${at}`}
                  role="option"
                  tabIndex={-1}
                  aria-selected={at === chosen}
                  aria-label={nameOf(one, language)}
                  title={nameOf(one, language)}
                  // The search field keeps the focus.
                  onMouseDown={(event) => event.preventDefault()}
                  onClick={() => pick(one.emoji)}
                >
                  {one.emoji}
                </div>
              );
            })}
          </div>
        ))}
      </div>
      <p class="emoji-name" role="status">
        {active
          ? `${active.emoji} ${nameOf(active, language)} :${active.codes[0] ?? ''}:`
          : failed
            ? texts.failed
            : all && texts.none}
      </p>
    </div>
  );
}

function sectionsOf(
  all: readonly Emoji[],
  used: readonly string[],
  query: string,
  { emoji: texts }: Language,
): readonly Section[] {
  if (query.trim() !== '') {
    const found = searchEmoji(all, query.replaceAll(':', ''), MAX_FOUND);
    return found.length === 0 ? [] : [{ title: texts.found, emoji: found }];
  }
  const recent = used.flatMap((emoji) => all.find((known) => known.emoji === emoji) ?? []);
  return [
    { title: texts.recent, emoji: recent },
    ...EMOJI_GROUPS.map((group) => ({
      title: texts.groups[group],
      emoji: all.filter((emoji) => emoji.group === group),
    })),
  ].filter(({ emoji }) => emoji.length > 0);
}

function nameOf({ codes, chinese }: Emoji, { name }: Language): string {
  return name === 'zh' ? chinese : (codes[0] ?? '').replaceAll('_', ' ');
}
