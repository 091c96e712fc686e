import { TYPING_EXPIRES_MS, TYPING_INTERVAL_MS } from '../protocol/limits.ts';
import type { Typing } from '../protocol/rooms.ts';

/** The interval of repeats: two fit into the time after which it expires at the others, in case one is lost. */
const REPEAT_MS = 2_500;
/** The server drops an event of the same kind that arrives earlier; the margin is for events that the network bunches. */
const SPACING_MS = TYPING_INTERVAL_MS + 200;

export interface TypistsDeps {
  readonly send: (on: boolean) => void;
  /** Somebody began to type, or stopped. */
  readonly onChange: (typing: Typing) => void;
  /** A clock that does not go back. */
  readonly now: () => number;
}

/** The people typing in one room, and this client among them. The events are volatile, so every state ends by itself. */
export interface Typists {
  /** Call it with every key: it sends only changes and repeats. */
  report(on: boolean): void;
  receive(typing: Typing): void;
  /** The user said something or left: the event that ends the typing may be lost. */
  stopped(userId: string): void;
  /** Drops all timers. */
  end(): void;
}

export function createTypists({ send, onChange, now }: TypistsDeps): Typists {
  const others = new Map<
    string,
    { readonly typing: Typing; readonly timer: ReturnType<typeof setTimeout> }
  >();
  let isTyping = false;
  /** The state that the others were told. */
  let told = false;
  const sentAt = new Map<boolean, number>();
  let timer: ReturnType<typeof setTimeout> | undefined;

  function tell(): void {
    clearTimeout(timer);
    const waitMs = (sentAt.get(isTyping) ?? Number.NEGATIVE_INFINITY) + SPACING_MS - now();
    if (waitMs > 0) {
      timer = setTimeout(tell, waitMs);
      return;
    }
    // The others may have lost the end, and would show the typing until it expires.
    if (told && !isTyping) timer = setTimeout(tell, SPACING_MS);
    told = isTyping;
    sentAt.set(isTyping, now());
    send(isTyping);
  }

  function stopped(userId: string): void {
    const known = others.get(userId);
    if (!known) return;
    clearTimeout(known.timer);
    others.delete(userId);
    onChange({ ...known.typing, on: false });
  }

  return {
    report(on) {
      const hasChanged = on !== isTyping;
      isTyping = on;
      if (on && told) {
        clearTimeout(timer);
        if (now() - (sentAt.get(true) ?? 0) >= REPEAT_MS) tell();
      } else if (hasChanged && on !== told) tell();
      // The others were told nothing of this typing.
      else if (hasChanged) clearTimeout(timer);
    },
    receive(typing) {
      const { userId } = typing;
      if (!typing.on) {
        stopped(userId);
        return;
      }
      const known = others.get(userId);
      clearTimeout(known?.timer);
      others.set(userId, { typing, timer: setTimeout(() => stopped(userId), TYPING_EXPIRES_MS) });
      if (!known) onChange(typing);
    },
    stopped,
    end() {
      clearTimeout(timer);
      for (const other of others.values()) clearTimeout(other.timer);
      others.clear();
    },
  };
}
