import { TYPING_EXPIRES_MS } from '../protocol/limits.ts';
import type { Typing } from '../protocol/rooms.ts';

/** The interval of repeats: two fit into the time after which it expires at the others, in case one is lost. */
const REPEAT_MS = 2_500;

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
  /** Drops all timers. */
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
    report(on) {
      const at = now();
      if (on ? saidAt !== undefined && at - saidAt < REPEAT_MS : saidAt === undefined) return;
      saidAt = on ? at : undefined;
      send(on);
    },
    receive(typing) {
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
