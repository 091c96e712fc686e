import { useEffect, useState } from 'preact/hooks';
import { type Emoji, loadEmoji } from './emoji.ts';

export interface LoadedEmoji {
  /** Undefined until they are loaded. */
  readonly all?: readonly Emoji[];
  /** The browser is offline, or the server has a newer page by now. */
  readonly failed?: boolean;
}

/** The list of emoji, loaded when it is wanted for the first time. */
export function useEmoji(wanted: boolean): LoadedEmoji {
  const [loaded, setLoaded] = useState<LoadedEmoji>({});
  const needed = wanted && !loaded.all;
  useEffect(() => {
    if (!needed) return;
    let mounted = true;
    loadEmoji().then(
      (all) => mounted && setLoaded({ all }),
      () => mounted && setLoaded({ failed: true }),
    );
    return () => {
      mounted = false;
    };
  }, [needed]);
  return loaded;
}
