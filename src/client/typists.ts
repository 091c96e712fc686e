import { TYPING_EXPIRES_MS } from '../protocol/limits.ts';
import type { Typing } from '../protocol/rooms.ts';

/** Said again so often as long as it goes on: sooner than it expires at the others, also when one was lost. */
const REPEAT_MS = 2_500;

export interface TypistsDeps {
  readonly send: (on: boolean) => void;
  /** Somebody began, or stopped. */
  readonly onChange: (typing: Typing) => void;
  /** A clock that does not go back. */
  readonly now: () => number;
}

/** Who types in one room, we among them. What is said of it may get lost, so everything ends by itself. */
export interface Typists {
  /** To be called with every key: says it only when there is something to say. */
  say(on: boolean): void;
  hear(typing: Typing): void;
  /** Nobody hears of us any more, nor we of them. */
  end(): void;
}

export function createTypists({ send, onChange, now }: TypistsDeps): Typists {
  const others = new Map<string, ReturnType<typeof setTimeout>>();
  let saidAt: number | undefined;

  function stop(typing: Typing): void {
    const timer = others.get(typing.userId);
    if (timer === undefined) return;
    clearTimeout(timer);
    others.delete(typing.userId);
    onChange({ ...typing, on: false });
  }

  return {
    say(on) {
      const at = now();
      if (on ? saidAt !== undefined && at - saidAt < REPEAT_MS : saidAt === undefined) return;
      saidAt = on ? at : undefined;
      send(on);
    },
    hear(typing) {
      if (!typing.on) {
        stop(typing);
        return;
      }
      const known = others.get(typing.userId);
      clearTimeout(known);
      others.set(
        typing.userId,
        setTimeout(() => stop(typing), TYPING_EXPIRES_MS),
      );
      if (known === undefined) onChange(typing);
    },
    end() {
      for (const timer of others.values()) clearTimeout(timer);
      others.clear();
    },
  };
}
