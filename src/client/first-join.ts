import type { ClientError } from './client-error.ts';
import type { Room } from './room.ts';

/** The callers of `join` that wait until the room is joined for the first time. */
export interface FirstJoin {
  /** Resolves once the room was joined; rejects with the next refusal, or with the last one if the room `isOutside`. */
  wait(isOutside: boolean): Promise<Room>;
  joined(room: Room): void;
  refused(error: ClientError): void;
  /** The room ended. */
  rejectAll(error: ClientError): void;
}

export function createFirstJoin(): FirstJoin {
  const callers: { resolve: (room: Room) => void; reject: (error: ClientError) => void }[] = [];
  let joined: Room | undefined;
  let refusal: ClientError | undefined;

  function rejectAll(error: ClientError): void {
    for (const { reject } of callers.splice(0)) reject(error);
  }

  return {
    wait(isOutside) {
      if (isOutside && refusal) return Promise.reject(refusal);
      if (joined) return Promise.resolve(joined);
      return new Promise((resolve, reject) => callers.push({ resolve, reject }));
    },
    joined(room) {
      joined = room;
      for (const { resolve } of callers.splice(0)) resolve(room);
    },
    refused(error) {
      refusal = error;
      rejectAll(error);
    },
    rejectAll,
  };
}
