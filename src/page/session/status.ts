import type { ChatClient } from '../../client/index.ts';
import type { Problem } from '../language/problems.ts';
import { refusedBy } from '../language/refusals.ts';
import { createValue, type StoreDeps, type Value } from '../ui/store.ts';

/** The connection of the whole page. */
export interface Status {
  readonly state: ChatClient['state'];
  /** The store is away: messages are refused until it is back. */
  readonly degraded: boolean;
  readonly online?: { readonly users: number; readonly clients: number };
  /** The server turned this client away. */
  readonly refusal?: Problem;
}

export interface StatusDeps {
  readonly chat: Pick<ChatClient, 'on' | 'state'>;
  readonly nextFrame: StoreDeps<unknown, unknown>['nextFrame'];
}

export function followStatus({ chat, nextFrame }: StatusDeps): Value<Status> {
  const status = createValue<Status>({ state: chat.state, degraded: false }, nextFrame);
  chat.on('state', ({ state, error }) => {
    const refusal = error && { code: refusedBy(error), message: error.message };
    const degraded = state === 'online' && status.get().degraded;
    status.dispatch({ ...status.get(), state, degraded, refusal });
  });
  chat.on('online', (online) => status.dispatch({ ...status.get(), online }));
  chat.on('event', (name) => {
    if (name !== 'cluster:degraded' && name !== 'cluster:restored') return;
    status.dispatch({ ...status.get(), degraded: name === 'cluster:degraded' });
  });
  return status;
}
