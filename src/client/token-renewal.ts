import type { Acks } from '../protocol/events.ts';
import { askUntilAnswered } from './ask-until-answered.ts';
import { MAX_WAIT_MS } from './backoff.ts';
import type { Connection } from './connection.ts';
import type { Identity } from './identity.ts';

export interface TokenRenewalDeps {
  readonly identity: Pick<Identity, 'fetchToken' | 'setToken'>;
  readonly connection: Pick<Connection, 'ask' | 'state'>;
  /** Rooms that the new token does not allow. */
  readonly onLeft: (roomids: readonly string[]) => void;
  /** The rights in the rooms that stay. A server of an earlier release tells none. */
  readonly onRights: (rooms: Acks['token:refresh']['can']) => void;
  /** The application gave no token. The client asks again when it reconnects after the old one's end. */
  readonly onThrow: (error: unknown) => void;
  readonly now: () => number;
}

/** Gives the server a new token before the current one ends. */
export interface TokenRenewal {
  expiring(inMs: number): void;
  /** The connection is lost: the next one starts with a valid token anyway. */
  down(): void;
}

const LEAST_MS = 1_000;

export function createTokenRenewal(deps: TokenRenewalDeps): TokenRenewal {
  const { identity, connection, now } = deps;
  let fetchedAt = Number.NEGATIVE_INFINITY;
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function renew(fetchToken: () => Promise<string>): Promise<void> {
    fetchedAt = now();
    let token: string;
    try {
      token = await fetchToken();
    } catch (error) {
      deps.onThrow(error);
      return;
    }
    askUntilAnswered(connection, 'token:refresh', { token }, (answer) => {
      if (answer && !answer.ok) return;
      identity.setToken(token);
      if (!answer) return;
      deps.onLeft(answer.left);
      deps.onRights(answer.can ?? []);
    });
  }

  return {
    expiring(inMs) {
      const { fetchToken } = identity;
      if (!fetchToken) return;
      clearTimeout(timer);
      // The server warns of a token that lives shorter than the warning time as soon as it gets it.
      const betweenMs = Math.max(LEAST_MS, inMs / 2);
      const waitMs = Math.min(betweenMs, Math.max(0, fetchedAt + betweenMs - now()));
      timer = setTimeout(() => void renew(fetchToken), Math.min(MAX_WAIT_MS, waitMs));
    },
    down: () => clearTimeout(timer),
  };
}
