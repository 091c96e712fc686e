import type { Ack } from '../protocol/events.ts';
import type { EventName, PayloadInput } from '../protocol/payloads.ts';
import type { Attempt } from './attempt.ts';

/** Undefined: the connection was lost before an answer came. */
export type Answered<E extends EventName> = (answer: Ack<E> | undefined) => void;

export interface PendingAnswersDeps {
  readonly timeoutMs: number;
  /** The server answers nothing any more. */
  readonly onSilence: (event: EventName) => void;
}

/** The answers that a client waits for on its connection. */
export interface PendingAnswers {
  /** Calls `answered` exactly once. */
  ask<E extends EventName>(
    attempt: Pick<Attempt, 'emit'>,
    event: E,
    payload: PayloadInput<E>,
    answered: Answered<E>,
  ): void;
  /** The connection is lost: no answer comes any more. */
  abandon(): void;
}

/**
 * The server works on the events of one connection in turn: while the store is away it refuses 50 joins one after the
 * other, 2 s each. So the client waits up to this many times as long for an answer while other answers arrive.
 */
const PATIENT_ROUNDS = 6;

interface Pending {
  readonly settle: (answer: unknown) => void;
}

export function createPendingAnswers({ timeoutMs, onSilence }: PendingAnswersDeps): PendingAnswers {
  const pending = new Set<Pending>();
  let answers = 0;

  return {
    ask(attempt, event, payload, answered) {
      let late: ReturnType<typeof setTimeout>;
      const watch = (rounds: number, before: number) => {
        late = setTimeout(() => {
          if (answers !== before && rounds > 1) watch(rounds - 1, answers);
          else onSilence(event);
        }, timeoutMs);
      };
      watch(PATIENT_ROUNDS, answers);
      const asked: Pending = {
        settle(answer) {
          clearTimeout(late);
          answers += 1;
          if (pending.delete(asked)) answered(answer as never);
        },
      };
      pending.add(asked);
      attempt.emit(event, payload as object, asked.settle);
    },
    abandon() {
      for (const { settle } of [...pending]) settle(undefined);
    },
  };
}
