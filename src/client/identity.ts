import type { Hello } from '../protocol/events.ts';
import { type ClientStorage, createStoredValue } from './storage.ts';

export interface IdentityOptions {
  /** Who the user is, where the server believes it (open mode). */
  readonly userId?: string;
  readonly username?: string;
  readonly avatar?: string;
  /** Of an earlier `hello`, together with its user id: claims that guest again. */
  readonly guestToken?: string;
  /** A function is asked again before the token it gave last ends, and when the server refuses that one. */
  readonly token?: string | (() => Promise<string>);
  readonly storage?: ClientStorage;
}

interface Guest {
  readonly userId: string;
  readonly guestToken: string;
}

/** What a connection says of itself. */
export interface Auth {
  readonly userId?: string;
  readonly guestToken?: string;
  readonly username?: string;
  readonly avatar?: string;
  readonly token?: string;
  readonly inbox?: { readonly epoch: string; readonly seq: number };
  /** Where the room that the connection joins goes on. */
  readonly resume?: { readonly epoch: string; readonly seq: number };
}

export interface Identity {
  auth(): Promise<Auth>;
  /** The server let us in. A guest is this one from now on. */
  learn(hello: Hello): void;
  /** Lets go of what the server refused. False: there is nothing else to try. */
  renew(): boolean;
  /** Undefined: there is no other token to be had. */
  readonly fetchToken: (() => Promise<string>) | undefined;
  setToken(token: string): void;
  /** A user of this id from now on, no guest. */
  become(userId: string): void;
}

export function createIdentity(options: IdentityOptions): Identity {
  const { username, avatar, token } = options;
  let { userId, guestToken } = options;
  const storedGuest = createStoredValue(options.storage, 'roomcast.guest', parseGuest);
  let guest = userId === undefined ? storedGuest.load() : undefined;
  let fetched: string | undefined;
  let renewed = false;

  async function currentToken(): Promise<string | undefined> {
    if (typeof token !== 'function') return token;
    fetched ??= await token();
    return fetched;
  }

  return {
    async auth() {
      const current = await currentToken();
      const who =
        userId === undefined ? guest : { userId, ...(guestToken === undefined ? {} : { guestToken }) };
      return {
        ...who,
        ...(username === undefined ? {} : { username }),
        ...(avatar === undefined ? {} : { avatar }),
        ...(current === undefined ? {} : { token: current }),
      };
    },
    learn(hello) {
      renewed = false;
      if (userId !== undefined || hello.guestToken === undefined) return;
      guest = { userId: hello.user.id, guestToken: hello.guestToken };
      storedGuest.save(guest);
    },
    renew() {
      const renewable = !renewed && (typeof token === 'function' || guest !== undefined);
      // A server with a new secret knows none of its old guests.
      fetched = undefined;
      guest = undefined;
      renewed = true;
      return renewable;
    },
    fetchToken: typeof token === 'function' ? async () => token() : undefined,
    setToken(fresh) {
      fetched = fresh;
    },
    become(named) {
      if (named === userId) return;
      userId = named;
      guestToken = undefined;
    },
  };
}

function parseGuest(value: unknown): Guest | undefined {
  const { userId, guestToken } = (value ?? {}) as Partial<Guest>;
  return typeof userId === 'string' && typeof guestToken === 'string' ? { userId, guestToken } : undefined;
}
