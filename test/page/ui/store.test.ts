import { afterEach, expect, it, vi } from 'vitest';
import { createStore, nextFrame } from '../../../src/page/ui/store.ts';

afterEach(() => vi.unstubAllGlobals());

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
