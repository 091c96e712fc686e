import { fastify } from 'fastify';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createIdentities } from '../../../src/chat/identity.ts';
import { refuse } from '../../../src/protocol/codes.ts';
import { createApiAuthenticator } from '../../../src/server/auth/api-keys.ts';
import { createKeyFailures } from '../../../src/server/auth/key-failures.ts';
import { API_PREFIX, createApi } from '../../../src/server/http/api-plugin.ts';
import { type ApiStage, KEYS, openApiStage } from './api-stage.ts';

const STRANGER = '203.0.113.7';

describe('wrong keys at the API', () => {
  let stage: ApiStage;
  beforeAll(async () => {
    stage = await openApiStage({ keys: KEYS });
  });
  afterAll(() => stage.close());

  it('make it look at no key from their address, whatever they asked for; Retry-After says for how long', async () => {
    const paths = ['/api/v1/rooms', '/api/v1/nothing', '/api/v1/%zz', '/metrics'];
    const ask = (path: string, address: string, key?: string) =>
      stage.ask('GET', path, {
        headers: { 'x-forwarded-for': address, ...(key !== undefined && { 'x-api-key': key }) },
      });
    for (let n = 0; n < 30; n += 1) expect((await ask('/api/v1/rooms', STRANGER)).status).toBe(401);
    for (let n = 0; n < 20; n += 1)
      expect((await ask(paths[n % paths.length] as string, STRANGER, 'x')).status).toBe(401);
    for (const path of paths) {
      const { status, headers, json } = await ask(path, STRANGER, KEYS[0]);
      const error = { code: 'rate_limited', temporary: true, retryAfterMs: expect.any(Number) };
      expect([path, status, json]).toMatchObject([path, 429, { error }]);
      const { retryAfterMs } = (json as { error: { retryAfterMs: number } }).error;
      expect(headers['retry-after']).toBe(String(Math.ceil(retryAfterMs / 1_000)));
    }
    expect((await ask('/api', STRANGER, 'x')).status).toBe(200);
    expect((await ask('/api/v1/rooms', '203.0.113.8', KEYS[0])).status).toBe(200);
  });

  it('may be tokens that open nothing, while a user’s token is taken all the time', async () => {
    const failures = createKeyFailures({
      addresses: { personal: ({ socket }) => socket.remoteAddress },
      now: () => 0,
    });
    const identities = createIdentities('secret', () => 0);
    const refused = refuse('unauthorized', 'token: not valid');
    const app = fastify();
    const api = createApi({
      gate: createApiAuthenticator(KEYS, failures),
      tokenGate: {
        identify: async ({ headers }) =>
          headers.authorization === 'Bearer of-ann' ? identities.identify({ userId: 'ann' }) : refused,
      },
      namespaces: ['/'],
      version: '1',
      context: stage.context,
      log: pino({ enabled: false }),
    });
    await app.register(api, { prefix: API_PREFIX });
    async function status(token: string, url = '/api/v1/rooms/tea/events'): Promise<number> {
      const headers = { authorization: `Bearer ${token}` };
      return (await app.inject({ url, headers, remoteAddress: STRANGER })).statusCode;
    }
    // There are no streams here for whom the route lets in.
    const LET_IN = 503;
    for (let n = 0; n < 30; n += 1) expect(await status('of-ann')).toBe(LET_IN);
    expect(await status(KEYS[0])).toBe(LET_IN);
    for (let n = 0; n < 20; n += 1) expect(await status('of-nobody')).toBe(401);
    const answers = [await status('of-nobody'), await status(KEYS[0]), await status('of-ann')];
    expect(answers).toEqual([429, 429, LET_IN]);
    expect(await status('of-ann', '/api/v1/rooms')).toBe(429);
    await app.close();
  });
});
