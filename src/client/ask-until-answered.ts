import type { EventName, PayloadInput } from '../protocol/payloads.ts';
import type { Connection } from './connection.ts';
import type { Answered } from './pending-answers.ts';

/**
 * Asks again on the current connection if the client moved away from the one that owed the answer. The request MUST be safe to
 * repeat. Calls `answered` exactly once, with undefined only if the client is not online.
 */
export function askUntilAnswered<E extends EventName>(
  connection: Pick<Connection, 'ask' | 'state'>,
  event: E,
  payload: PayloadInput<E>,
  answered: Answered<E>,
): void {
  connection.ask(event, payload, (answer) => {
    if (answer || connection.state() !== 'online') answered(answer);
    else askUntilAnswered(connection, event, payload, answered);
  });
}
