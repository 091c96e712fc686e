import type { Hello } from '../protocol/events.ts';
import { newMessageId } from './message-id.ts';
import { type ClientStorage, createStoredValue } from './storage.ts';
import { tokenSubject } from './token-subject.ts';

export interface IdentityOptions {
  /** The user's id, where the server accepts it (open mode). */
  readonly userId?: string;
  readonly username?: string;
  readonly avatar?: string;
  /** From an earlier `hello`: proves, together with its user id, that this client is the same guest. */
  readonly guestToken?: string;
  /** The client calls a function again before its last token ends, and when the server refuses that token. */
  readonly token?: string | (() => Promise<string>);
  readonly storage?: ClientStorage;
}

interface Guest {
  readonly userId: string;
  readonly guestToken: string;
}

/** The `auth` of a handshake. */
export interface Auth {
  readonly userId?: string;
  readonly guestToken?: string;
  readonly username?: string;
  readonly avatar?: string;
  readonly token?: string;
  readonly inbox?: { readonly epoch: string; readonly seq: number };
  /** The position where the room of the handshake resumes. */
  readonly resume?: { readonly epoch: string; readonly seq: number };
  /** The same over all tries of this client: the server keeps its place in the queue of connects by it. */
  readonly connectId?: string;
  /** The client can move to another worker without a break. */
  readonly moves?: boolean;
  /** The client knows entries that change a message; to an SDK of before the server sends others in their place. */
  readonly changes?: boolean;
}

export interface Identity {
  /** The user that the next connection is expected to be; undefined: only the server knows. */
  expectedUserId(): string | undefined;
  auth(): Promise<Auth>;
  /** The server accepted the connection; a new guest is this one from now on. */
  learn(hello: Hello): void;
  /** Drops the credentials that the server refused. False: there is nothing else to try. */
  renew(): boolean;
  /** Undefined: the application gave one token, or none. */
  readonly fetchToken: (() => Promise<string>) | undefined;
  setToken(token: string): void;
  /** This client is the user of this id from now on, and no guest. */
  become(userId: string): void;
}

export function createIdentity(options: IdentityOptions): Identity {
  const { username, avatar, token } = options;
  let { userId, guestToken } = options;
  const storedGuest = createStoredValue(options.storage, 'roomcast.guest', parseGuest);
  let guest = userId === undefined ? storedGuest.load() : undefined;
  let fetched: string | undefined;
  let renewed = false;
  // A page that is reloaded while it waits keeps its place in the queue of connects.
  const storedConnectId = createStoredValue(options.storage, 'roomcast.connect', parseConnectId);
  const connectId = storedConnectId.load() ?? newMessageId();

  async function currentToken(): Promise<string | undefined> {
    if (typeof token !== 'function') return token;
    fetched ??= await token();
    return fetched;
  }

  return {
    expectedUserId() {
      // A token names the user itself, whoever this client was as a guest.
      const current = typeof token === 'string' ? token : fetched;
      const named = current === undefined ? undefined : tokenSubject(current);
      return userId ?? (token === undefined ? guest?.userId : named);
    },
    async auth() {
      const current = await currentToken();
      const who = userId === undefined ? guest : { userId, guestToken };
      storedConnectId.save(connectId);
      return { ...who, username, avatar, token: current, connectId };
    },
    learn(hello) {
      renewed = false;
      storedConnectId.save(null);
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

function parseConnectId(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function parseGuest(value: unknown): Guest | undefined {
  const { userId, guestToken } = (value ?? {}) as Partial<Guest>;
  return typeof userId === 'string' && typeof guestToken === 'string' ? { userId, guestToken } : undefined;
}
