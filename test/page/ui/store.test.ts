import { afterEach, describe, expect, it, vi } from 'vitest';
import { createStore, nextFrame } from '../../../src/page/ui/store.ts';

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

it('notifies of a change whose frame a hidden tab does not paint, once', () => {
  const tab = Object.assign(new EventTarget(), { hidden: false });
  const frames = new Map<number, () => void>();
  vi.stubGlobal('document', tab);
  vi.stubGlobal('requestAnimationFrame', (frame: () => void) => frames.set(frames.size + 1, frame).size);
  vi.stubGlobal('cancelAnimationFrame', (id: number) => frames.delete(id));
  const store = createStore({ initial: 0, reduce: (sum, more: number) => sum + more, nextFrame });
  const heard: number[] = [];
  store.subscribe(() => heard.push(store.get()));
  store.dispatch(1);
  expect(heard).toEqual([]);
  tab.hidden = true;
  tab.dispatchEvent(new Event('visibilitychange'));
  expect(heard).toEqual([1]);
  for (const frame of frames.values()) frame();
  tab.dispatchEvent(new Event('visibilitychange'));
  expect(heard).toEqual([1]);
});

describe('a store that gathers what can wait', () => {
  function paced() {
    vi.useFakeTimers();
    const store = createStore({
      initial: '',
      reduce: (all, one: string) => all + one,
      nextFrame: (draw) => setTimeout(draw, 16),
      pacing: {
        canWait: (event) => event === event.toLowerCase(),
        everyMs: 100,
        elapsedMs: () => performance.now(),
      },
    });
    const heard: string[] = [];
    store.subscribe(() => heard.push(store.get()));
    return { store, heard };
  }

  it('notifies of the first change at the next frame, and of the ones that crowd after it together', () => {
    const { store, heard } = paced();
    store.dispatch('a');
    vi.advanceTimersByTime(16);
    expect(heard).toEqual(['a']);
    store.dispatch('b');
    vi.advanceTimersByTime(50);
    store.dispatch('c');
    vi.advanceTimersByTime(49);
    expect(heard).toEqual(['a']);
    vi.advanceTimersByTime(17);
    expect(heard).toEqual(['a', 'abc']);
    vi.advanceTimersByTime(1_000);
    store.dispatch('d');
    vi.advanceTimersByTime(16);
    expect(heard).toEqual(['a', 'abc', 'abcd']);
  });

  it('notifies at the next frame of what cannot wait, with what waited, and not again', () => {
    const { store, heard } = paced();
    store.dispatch('a');
    vi.advanceTimersByTime(16);
    store.dispatch('b');
    store.dispatch('C');
    vi.advanceTimersByTime(16);
    expect(heard).toEqual(['a', 'abC']);
    vi.advanceTimersByTime(1_000);
    expect(heard).toEqual(['a', 'abC']);
  });
});
