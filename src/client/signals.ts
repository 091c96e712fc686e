import { stringifyFreeForm } from '../protocol/free-form.ts';
import { MAX_JSON_DEPTH, MAX_SIGNAL_BYTES, MAX_SIGNAL_NAME_CHARS } from '../protocol/limits.ts';
import { parseId, parseSignalName } from '../protocol/names.ts';
import { askOnce, notConnected } from './ask-now.ts';
import { withinLimits } from './call-options.ts';
import { ClientError } from './client-error.ts';
import type { Connection } from './connection.ts';
import { bytes } from './drafts.ts';
import type { Room } from './room.ts';

export interface SignalsDeps {
  readonly roomid: string;
  readonly connection: Pick<Connection, 'ask'>;
  readonly isJoined: () => boolean;
}

/** Sends each signal once: one that is late is worth nothing. */
export function createSignals({ roomid, connection, isJoined }: SignalsDeps): Pick<Room, 'signal'> {
  return {
    async signal(name, data, { to, ...limits } = {}) {
      const problem = checkSignal(name, data, to);
      if (problem) throw problem;
      if (!isJoined()) throw notConnected();
      await withinLimits(limits, () => askOnce(connection, 'signal', { roomid, name, data, to }));
    },
  };
}

/** Callers in JavaScript have no types. */
function checkSignal(name: unknown, data: unknown, to: unknown): ClientError | undefined {
  const wrong = (message: string) => new ClientError('bad_request', message);
  if (parseSignalName(name) === undefined) {
    return wrong(`name: must be 1 to ${MAX_SIGNAL_NAME_CHARS} characters that can be seen`);
  }
  if (to !== undefined && parseId(to) === undefined) return wrong('to: must be a user id');
  if (data === undefined) return undefined;
  const json = stringifyFreeForm(data);
  if (json === undefined) return wrong(`data: must be JSON, nested at most ${MAX_JSON_DEPTH} levels deep`);
  if (bytes(json) <= MAX_SIGNAL_BYTES) return undefined;
  return new ClientError('too_large', `data: must not be longer than ${MAX_SIGNAL_BYTES} bytes as JSON`);
}
