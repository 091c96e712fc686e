import type { Ack } from '../protocol/events.ts';
import type { EventName, PayloadInput } from '../protocol/payloads.ts';

/** Undefined: the connection was lost before an answer came. */
export type Answered<E extends EventName> = (answer: Ack<E> | undefined) => void;

export interface PendingAnswersDeps {
  readonly timeoutMs: number;
  readonly emit: (event: EventName, payload: object, ack: (answer: unknown) => void) => void;
  /** The server answers nothing any more. */
  readonly onSilence: (event: EventName) => void;
}

/** The answers that a client waits for on one connection. */
export interface PendingAnswers {
  /** Calls `answered` exactly once. */
  ask<E extends EventName>(event: E, payload: PayloadInput<E>, answered: Answered<E>): void;
  /** True: an answer to this event is pending. */
  isWaiting(event: EventName): boolean;
  /** Calls back once no answer is pending, at once if none is. */
  whenSettled(callback: () => void): void;
  /** The connection is lost: no answer comes any more. */
  abandon(): void;
}

/**
 * The server works on the events of one connection in turn: while the store is away it refuses 50 joins one after the
 * other, 2 s each. So the client waits up to this many times as long for an answer while other answers arrive.
 */
const PATIENT_ROUNDS = 6;

interface Pending {
  readonly event: EventName;
  readonly settle: (answer: unknown) => void;
}

export function createPendingAnswers({ timeoutMs, emit, onSilence }: PendingAnswersDeps): PendingAnswers {
  const pending = new Set<Pending>();
  let answers = 0;
  let onSettled: (() => void) | undefined;

  function checkSettled(): void {
    if (pending.size > 0 || !onSettled) return;
    const callback = onSettled;
    onSettled = undefined;
    callback();
  }

  return {
    ask(event, payload, answered) {
      let late: ReturnType<typeof setTimeout>;
      const watch = (rounds: number, before: number) => {
        late = setTimeout(() => {
          if (answers !== before && rounds > 1) watch(rounds - 1, answers);
          else onSilence(event);
        }, timeoutMs);
      };
      watch(PATIENT_ROUNDS, answers);
      const asked: Pending = {
        event,
        settle(answer) {
          clearTimeout(late);
          answers += 1;
          if (pending.delete(asked)) answered(answer as never);
          checkSettled();
        },
      };
      pending.add(asked);
      emit(event, payload as object, asked.settle);
    },
    isWaiting: (event) => [...pending].some((asked) => asked.event === event),
    whenSettled(callback) {
      onSettled = callback;
      checkSettled();
    },
    abandon() {
      for (const { settle } of [...pending]) settle(undefined);
    },
  };
}
