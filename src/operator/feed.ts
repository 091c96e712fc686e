import type { HostView } from '../host-view/view.ts';

export interface FeedState {
  readonly view?: HostView;
  /** The reason for which the newest numbers are missing. */
  readonly problem?: string;
}

const AGAIN_MS = 2_000;
const LIMIT_MS = 5_000;

/** Reads the view again and again while the page is visible. Returns the function that ends it. */
export function followView(onChange: (change: FeedState) => void): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let ended = false;

  async function read(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    const change = await readView();
    if (ended) return;
    onChange(change);
    if (!document.hidden) timer = setTimeout(() => void read(), AGAIN_MS);
  }

  const onVisible = () => {
    if (!document.hidden && timer === undefined) void read();
  };
  document.addEventListener('visibilitychange', onVisible);
  void read();
  return () => {
    ended = true;
    clearTimeout(timer);
    document.removeEventListener('visibilitychange', onVisible);
  };
}

async function readView(): Promise<FeedState> {
  try {
    const response = await fetch('view.json', { signal: AbortSignal.timeout(LIMIT_MS) });
    if (!response.ok) return { problem: `the primary answers ${response.status}` };
    return { view: (await response.json()) as HostView };
  } catch {
    return { problem: 'the primary does not answer' };
  }
}
