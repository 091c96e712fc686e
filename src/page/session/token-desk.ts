import { createValue, type StoreDeps, type Value } from '../ui/store.ts';

export interface TokenDeskDeps {
  readonly token: string | undefined;
  readonly nextFrame: StoreDeps<unknown, unknown>['nextFrame'];
  readonly onToken: (token: string) => void;
}

/** Gives the SDK a token, and asks the reader for another one when the first ends or is refused. */
export interface TokenDesk {
  /** The reader must give a token. */
  readonly wanted: Value<boolean>;
  /** The last one given; undefined: none. */
  newest(): string | undefined;
  fetch(): Promise<string>;
  give(token: string): void;
}

export function createTokenDesk({ token, nextFrame, onToken }: TokenDeskDeps): TokenDesk {
  const wanted = createValue<boolean>(false, nextFrame);
  const waiting = new Set<(token: string) => void>();
  let next = token;
  let newest = token;
  return {
    wanted,
    newest: () => newest,
    fetch() {
      if (next !== undefined) {
        const given = next;
        next = undefined;
        return Promise.resolve(given);
      }
      wanted.dispatch(true);
      return new Promise((resolve) => waiting.add(resolve));
    },
    give(given) {
      newest = given;
      onToken(given);
      wanted.dispatch(false);
      if (waiting.size === 0) next = given;
      for (const resolve of waiting) resolve(given);
      waiting.clear();
    },
  };
}

/** The user that the token names, before the server has checked it. Undefined: this is no token. */
export function claimsOf(token: string): { readonly sub: string; readonly name?: string } | undefined {
  try {
    const payload = token.split('.')[1] ?? '';
    const bytes = Uint8Array.from(atob(payload.replaceAll('-', '+').replaceAll('_', '/')), (char) =>
      char.charCodeAt(0),
    );
    const claims: { sub?: unknown; name?: unknown } = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof claims.sub !== 'string') return undefined;
    return { sub: claims.sub, ...(typeof claims.name === 'string' && { name: claims.name }) };
  } catch {
    return undefined;
  }
}
