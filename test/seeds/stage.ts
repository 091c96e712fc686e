import { afterEach } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { type Fixture, systemFixture } from '../support/fixture.ts';
import type { Mode } from '../support/system.ts';
import { connectWith, type Library, refusalOf, type SeedClient, type SeedOptions } from './libraries.ts';

export interface HttpAnswer<T = Readonly<Record<string, unknown>>> {
  readonly status: number;
  readonly text: string;
  /** Undefined when it is no JSON. */
  readonly json: T;
}

/** `nsp`: the namespace, `/` when it is left out. */
export type VisitOptions = SeedOptions & { readonly nsp?: string };

/** Where a scenario is played: a running system, and who has come to it. */
export interface Stage extends Pick<Fixture, 'system' | 'at' | 'fresh'> {
  visit(library: Library, index: number, options?: VisitOptions): Promise<SeedClient>;
  /** A connection under a user id, as S0 and S1 said it: by `user_login`. */
  login(library: Library, index: number, userId: string, options?: VisitOptions): Promise<SeedClient>;
  /** A connection that came into the room by its address, as S3's page did. */
  enter(library: Library, index: number, roomid: string, username: string): Promise<SeedClient>;
  refusal(library: Library, index: number, options?: VisitOptions): Promise<unknown>;
  get(path: string, index?: number): Promise<HttpAnswer>;
  post(path: string, body: unknown, index?: number, headers?: Record<string, string>): Promise<HttpAnswer>;
}

/** To be called in a `describe`: its system, and clients that leave after each test. */
export function seedStage(
  mode: Mode,
  env: Readonly<Record<string, string>> = {},
  workersEach: 1 | 2 = 1,
): Stage {
  const fixture = systemFixture(mode, { ALLOW_EIO3: 'on', RATE_SAY: '0', ...env }, { workersEach });
  const { at, fresh } = fixture;
  // Where a test chose the keys it says which one it sends.
  const key = () => (env.API_KEYS === undefined ? fixture.system.keyHeader : {});
  const clients: SeedClient[] = [];

  async function visit(library: Library, index: number, options: VisitOptions = {}): Promise<SeedClient> {
    const { nsp = '', ...rest } = options;
    const client = await connectWith(library, at(index) + nsp, rest);
    clients.push(client);
    return client;
  }
  afterEach(() => {
    for (const client of clients.splice(0)) client.close();
  });

  return {
    get system() {
      return fixture.system;
    },
    at,
    fresh,
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
    get: (path, index = 0) => ask(at(index) + path, { headers: key() }),
    post(path, body, index = 0, headers = {}) {
      const form = body instanceof URLSearchParams;
      return ask(at(index) + path, {
        method: 'POST',
        headers: { ...(form ? {} : { 'Content-Type': 'application/json' }), ...key(), ...headers },
        body: form ? body : JSON.stringify(body),
      });
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
