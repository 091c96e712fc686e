/** A finger that rests on a row. */
export interface LongPress {
  start(at: Pick<PointerEvent, 'clientX' | 'clientY'>, row: HTMLElement): void;
  /** A finger that moves scrolls. */
  move(at: Pick<PointerEvent, 'clientX' | 'clientY'>): void;
  cancel(): void;
}

const PRESS_MS = 450;
const SLACK_PX = 10;

export function createLongPress(onPressed: (row: HTMLElement) => void): LongPress {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let from = { clientX: 0, clientY: 0 };

  function cancel(): void {
    clearTimeout(timer);
    timer = undefined;
  }

  return {
    start({ clientX, clientY }, row) {
      cancel();
      from = { clientX, clientY };
      timer = setTimeout(() => onPressed(row), PRESS_MS);
    },
    move({ clientX, clientY }) {
      const moved = Math.hypot(clientX - from.clientX, clientY - from.clientY);
      if (moved > SLACK_PX) cancel();
    },
    cancel,
  };
}
