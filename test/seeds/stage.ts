import { vi } from 'vitest';
import { type Mode, type System, startSystem } from '../support/system.ts';
import { connectWith, type Library, refusalOf, type SeedClient, type SeedOptions } from './libraries.ts';

const LIMIT = { timeout: 20_000, interval: 20 };

export interface HttpAnswer<T = Readonly<Record<string, unknown>>> {
  readonly status: number;
  readonly text: string;
  /** Undefined when it is no JSON. */
  readonly json: T;
}

/** `nsp`: the namespace, `/` when it is left out. */
export type VisitOptions = SeedOptions & { readonly nsp?: string };

/** Where a scenario is played: a running system, and who has come to it. */
export interface Stage {
  readonly system: System;
  /** Where the client of this number comes in: numbers in a row are different workers. */
  at(index: number): string;
  /** A name, room or user id that nobody had before. */
  someone(name: string): string;
  visit(library: Library, index: number, options?: VisitOptions): Promise<SeedClient>;
  /** A connection under a user id, as S0 and S1 said it: by `user_login`. */
  login(library: Library, index: number, userId: string, options?: VisitOptions): Promise<SeedClient>;
  /** A connection that came into the room by its address, as S3's page did. */
  enter(library: Library, index: number, roomid: string, username: string): Promise<SeedClient>;
  refusal(library: Library, index: number, options?: VisitOptions): Promise<unknown>;
  get(path: string, index?: number): Promise<HttpAnswer>;
  post(path: string, body: unknown, index?: number, headers?: Record<string, string>): Promise<HttpAnswer>;
  /** Everybody leaves. */
  clear(): void;
  close(): Promise<void>;
}

export async function openStage(mode: Mode, env: Readonly<Record<string, string>> = {}): Promise<Stage> {
  const system = await startSystem(mode, { ALLOW_EIO3: 'on', RATE_SAY: '0', ...env });
  // Where a test chose the keys it says which one it sends.
  const key = env.API_KEYS === undefined ? system.keyHeader : {};
  const clients: SeedClient[] = [];
  let names = 0;

  const at = (index: number) => system.entrances[index % system.entrances.length] as string;
  async function visit(library: Library, index: number, options: VisitOptions = {}): Promise<SeedClient> {
    const { nsp = '', ...rest } = options;
    const client = await connectWith(library, at(index) + nsp, rest);
    clients.push(client);
    return client;
  }
  function clear(): void {
    for (const client of clients.splice(0)) client.close();
  }

  return {
    system,
    at,
    someone(name) {
      names += 1;
      return `${name}-${mode}-${names}`;
    },
    visit,
    async login(library, index, userId, options = {}) {
      const username = userId.split('-')[0] as string;
      const client = await visit(library, index, { ...options, query: { username, ...options.query } });
      await client.do('user_login', { userId, socketId: client.hello.clientId });
      return client;
    },
    async enter(library, index, roomid, username) {
      const client = await visit(library, index, { query: { roomid, username } });
      await eventually(() => {
        if (client.all('joined').length === 0) throw new Error(`${username} is not in ${roomid}`);
      });
      return client;
    },
    refusal(library, index, { nsp = '', ...rest } = {}) {
      return refusalOf(library, at(index) + nsp, rest);
    },
    get: (path, index = 0) => ask(at(index) + path, { headers: key }),
    post(path, body, index = 0, headers = {}) {
      const form = body instanceof URLSearchParams;
      return ask(at(index) + path, {
        method: 'POST',
        headers: { ...(form ? {} : { 'Content-Type': 'application/json' }), ...key, ...headers },
        body: form ? body : JSON.stringify(body),
      });
    },
    clear,
    async close() {
      clear();
      await system.stop();
    },
  };
}

async function ask(url: string, init?: RequestInit): Promise<HttpAnswer> {
  const response = await fetch(url, init);
  const text = await response.text();
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  return { status: response.status, text, json: json as HttpAnswer['json'] };
}

/** Until it no longer throws: what comes over the bus comes when it comes. */
export function eventually<T>(look: () => T | Promise<T>): Promise<T> {
  return vi.waitFor(look, LIMIT);
}
