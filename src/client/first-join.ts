import { type CallOptions, withinLimits } from './call-options.ts';
import type { ClientError } from './client-error.ts';
import type { Room } from './room.ts';

/** The callers of `join` that wait until the room is joined for the first time. */
export interface FirstJoin {
  /** Resolves once the room was joined; rejects with the next refusal, or with the last one if the room `isOutside`. */
  wait(isOutside: boolean, options: CallOptions): Promise<Room>;
  joined(room: Room): void;
  refused(error: ClientError): void;
  /** The room ended. */
  rejectAll(error: ClientError): void;
}

interface Caller {
  readonly resolve: (room: Room) => void;
  readonly reject: (error: ClientError) => void;
}

/** `onDeserted`: the last caller gave up before the room was joined. */
export function createFirstJoin(onDeserted: (error: ClientError) => void): FirstJoin {
  const callers = new Set<Caller>();
  let joined: Room | undefined;
  let refusal: ClientError | undefined;

  function settle(each: (caller: Caller) => void): void {
    const waiting = [...callers];
    callers.clear();
    waiting.forEach(each);
  }

  function rejectAll(error: ClientError): void {
    settle(({ reject }) => reject(error));
  }

  return {
    wait(isOutside, options) {
      if (isOutside && refusal) return Promise.reject(refusal);
      if (joined) return Promise.resolve(joined);
      let caller: Caller | undefined;
      const start = () =>
        new Promise<Room>((resolve, reject) => {
          caller = { resolve, reject };
          callers.add(caller);
        });
      return withinLimits(options, start, (error) => {
        if (caller && callers.delete(caller) && callers.size === 0) onDeserted(error);
      });
    },
    joined(room) {
      joined = room;
      settle(({ resolve }) => resolve(room));
    },
    refused(error) {
      refusal = error;
      rejectAll(error);
    },
    rejectAll,
  };
}
