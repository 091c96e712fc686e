import { createValue, type StoreDeps, type Value } from '../ui/store.ts';
import type { View } from './route.ts';

export interface Toast {
  readonly key: number;
  readonly title: string;
  readonly text?: string;
  /** The view that a click opens. */
  readonly view?: View;
}

export interface Toasts {
  readonly shown: Value<readonly Toast[]>;
  show(toast: Omit<Toast, 'key'>): void;
  close(key: number): void;
}

const SHOWN_MS = 8_000;
const MAX_SHOWN = 4;

export function createToasts(nextFrame: StoreDeps<unknown, unknown>['nextFrame']): Toasts {
  const shown = createValue<readonly Toast[]>([], nextFrame);
  let made = 0;
  function close(key: number): void {
    shown.dispatch(shown.get().filter((toast) => toast.key !== key));
  }
  return {
    shown,
    show(toast) {
      const key = ++made;
      shown.dispatch([...shown.get(), { ...toast, key }].slice(-MAX_SHOWN));
      setTimeout(() => close(key), SHOWN_MS);
    },
    close,
  };
}
