import fc from 'fast-check';
import { wrongWithHttp } from '../answers.ts';
import type { Surface } from '../campaign.ts';
import { API_KEY } from '../target.ts';
import { mangled, payload, text } from '../values.ts';

const BODIES: Readonly<Record<string, readonly string[]>> = {
  'POST /api': ['tokens', 'entityType', 'data'],
  'POST /api/v1/push': ['users', 'entityType', 'data', 'kind', 'ttlS'],
  'GET /api/v1/push/*': [],
  'POST /api/v1/rooms/*/messages': ['text', 'type', 'from', 'clientMsgId'],
  'GET /api/v1/rooms/*/messages': [],
  'DELETE /api/v1/rooms/*/messages/*': [],
  'POST /api/v1/announce': ['data', 'rooms'],
  'GET /api/v1/rooms': [],
  'GET /api/v1/rooms/*': [],
  'GET /api/v1/rooms/*/members': [],
  'GET /api/v1/users/*': [],
  'GET /api/v1/users/*/export': [],
  'POST /api/v1/rooms/*/kick': ['userId', 'seconds'],
  'POST /api/v1/rooms/*/mute': ['userId', 'seconds'],
  'POST /api/v1/rooms/*/ban': ['userId', 'seconds'],
  'DELETE /api/v1/rooms/*/ban/*': [],
  'DELETE /api/v1/rooms/*/mute/*': [],
  'POST /api/v1/users/*/disconnect': [],
  'DELETE /api/v1/users/*': [],
  'GET /api/v1/openapi.json': [],
  'GET /api': [],
  'PUT /api/*': [],
  'GET /healthz': [],
  'GET /readyz': [],
  'GET /*': [],
  'GET /chart.html': [],
  'GET /r/*': [],
};
const METHODS = ['GET', 'POST', 'DELETE', 'PUT', 'PATCH', 'HEAD', 'OPTIONS'];
const TYPES = [
  'application/json',
  'application/json',
  'application/json; charset=utf-16',
  'application/x-www-form-urlencoded',
  'text/plain',
  'multipart/form-data',
  'x',
  '',
];

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const param = fc.oneof(
  { weight: 6, arbitrary: text.map(quoted) },
  { weight: 1, arbitrary: fc.constantFrom('..', '.', '%', '%zz', '%c0%ae', '%ff', '-1', '1e9', '') },
);
const query = fc
  .array(
    fc.tuple(fc.constantFrom('ns', 'limit', 'before', 'after', 'cursor', 'all', 'roomid', '__proto__'), text),
    { maxLength: 3 },
  )
  .map((pairs) => pairs.map((pair) => pair.map(quoted).join('=')).join('&'));
const headers = fc.record(
  {
    'idempotency-key': fc
      .oneof(fc.string({ minLength: 1, maxLength: 20 }), fc.constant('x'.repeat(129)))
      .map(printable),
    'x-api-key': fc.constantFrom(API_KEY, '', 'wrong'),
    'x-forwarded-for': fc.constantFrom('1.2.3.4', 'x', ','),
    expect: fc.constantFrom('100-continue'),
    'content-encoding': fc.constantFrom('gzip', 'x'),
  },
  { requiredKeys: [] },
);

const calls = Object.entries(BODIES).map(([route, fields]) => {
  const [method = '', path = ''] = route.split(' ');
  const json = payload(fields).map((data) => JSON.stringify(data) ?? '');
  const form = fc.array(fc.tuple(fc.constantFrom('tokens', 'tokens[]', ...fields), text), { maxLength: 5 });
  return fc.record({
    method: fc.oneof(
      { weight: 12, arbitrary: fc.constant(method) },
      { weight: 1, arbitrary: fc.constantFrom(...METHODS) },
    ),
    path: fc
      .array(param, { minLength: 2, maxLength: 2 })
      .map(([first = '', second = '']) => path.replace('*', () => first).replace('*', () => second)),
    query,
    headers: fc
      .tuple(headers, fc.constantFrom(...TYPES))
      .map(([some, type]) => ({ ...some, 'content-type': type })),
    body: fc.oneof(
      { weight: 6, arbitrary: json },
      { weight: 2, arbitrary: mangled(json) },
      {
        weight: 2,
        arbitrary: form.map((pairs) => pairs.map((pair) => pair.map(quoted).join('=')).join('&')),
      },
    ),
  });
});

/** The HTTP API, by somebody who has a key. */
export const api: Surface<Sent> = {
  name: 'api',
  input: fc.oneof(...calls),
  async send({ system }, inputs) {
    const answers = inputs.map(async ({ method, path, query: search, headers: some, body }, index) => {
      const url = system.workerUrls[index % system.workerUrls.length] as string;
      const bare = method === 'GET' || method === 'HEAD';
      const { expect: _, ...headers } = { authorization: `Bearer ${API_KEY}`, ...some } as Record<
        string,
        string
      >;
      const answer = await fetch(`${url}${path}${search && `?${search}`}`, {
        method,
        headers,
        redirect: 'manual',
        signal: AbortSignal.timeout(15_000),
        ...(bare ? {} : { body }),
      }).catch((error: Error) => error);
      if (answer instanceof Error) {
        return answer.name === 'TimeoutError' ? [`${method} ${path}: no answer`] : [];
      }
      const text_ = await answer.text();
      return wrongWithHttp(`${method} ${path}`, answer.status, answer.headers.get('content-type'), text_);
    });
    return (await Promise.all(answers)).flat();
  },
};

function printable(all: string): string {
  return all.replace(/[^\x20-\x7e]/g, '?').trim() || 'x';
}

function quoted(part: string): string {
  return [...Buffer.from(part)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
}
