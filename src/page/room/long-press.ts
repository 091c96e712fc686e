/** A finger that rests on a row. */
export interface LongPress {
  start(at: Pick<PointerEvent, 'clientX' | 'clientY'>, row: HTMLElement): void;
  /** A finger that moves scrolls. */
  move(at: Pick<PointerEvent, 'clientX' | 'clientY'>): void;
  cancel(): void;
  /** The finger is lifted. True: it was a long press, so its tap must not act on what has come up under it. */
  lift(): boolean;
}

const PRESS_MS = 450;
const SLACK_PX = 10;

export function createLongPress(onPressed: (row: HTMLElement) => void): LongPress {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isPressed = false;
  let from = { clientX: 0, clientY: 0 };

  function cancel(): void {
    clearTimeout(timer);
    timer = undefined;
  }

  return {
    start({ clientX, clientY }, row) {
      cancel();
      isPressed = false;
      from = { clientX, clientY };
      timer = setTimeout(() => {
        isPressed = true;
        onPressed(row);
      }, PRESS_MS);
    },
    move({ clientX, clientY }) {
      const moved = Math.hypot(clientX - from.clientX, clientY - from.clientY);
      if (moved > SLACK_PX) cancel();
    },
    cancel,
    lift() {
      cancel();
      return isPressed;
    },
  };
}
