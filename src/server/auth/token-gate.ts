import type { IncomingMessage } from 'node:http';
import type { Identities, Identity } from '../../chat/identity.ts';
import { type Outcome, refuse } from '../../protocol/codes.ts';
import type { AllowedOrigins } from '../transport/origins.ts';
import { tokenOf } from './token-sources.ts';

export interface TokenGateDeps {
  readonly identities: Pick<Identities, 'mode' | 'identify'>;
  readonly corsOrigin: AllowedOrigins;
}

/** Admits users to routes of the HTTP API by their tokens. */
export interface TokenGate {
  /** Returns undefined in open mode, which has no tokens. */
  identify(request: Pick<IncomingMessage, 'headers'>): Promise<Outcome<Identity> | undefined>;
}

export function createTokenGate({ identities, corsOrigin }: TokenGateDeps): TokenGate {
  return {
    async identify({ headers }) {
      if (identities.mode !== 'token') return undefined;
      const token = tokenOf({ auth: undefined, headers }, corsOrigin);
      if (!token.ok) return token;
      if (token.value === undefined)
        return refuse('unauthorized', 'an API key or a user’s token must be given');
      return identities.identify({ token: token.value });
    },
  };
}
