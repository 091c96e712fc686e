import fc from 'fast-check';
import { describeApi } from '../../../src/server/http/openapi.ts';
import { createRoutes } from '../../../src/server/http/route-table.ts';
import { wrongWithHttp } from '../answers.ts';
import type { Surface } from '../campaign.ts';
import { fieldsOf, inputsOf, type Schema } from '../schema-inputs.ts';
import { API_KEY } from '../target.ts';
import { mangled, number, payload, text } from '../values.ts';

interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: Schema }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

const { paths, components } = describeApi(createRoutes({ version: '1' }), {
  version: '1',
}) as unknown as Document;
/** Every route, as the document of the API has them: `POST /api/v1/rooms/{roomid}/ban`. */
const OPERATIONS: readonly (readonly [route: string, operation: Operation])[] = Object.entries(paths).flatMap(
  ([path, methods]) =>
    Object.entries(methods).map(
      ([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as const,
    ),
);
/** Paths beside the API. */
const OTHERS: typeof OPERATIONS = [
  'PUT /api/{x}',
  'GET /healthz',
  'GET /readyz',
  'GET /metrics',
  'GET /{x}',
  'GET /r/{x}',
].map((route) => [route, {}] as const);
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
/** Fields of this route, and of others. */
function queryOf(names: readonly string[]): fc.Arbitrary<string> {
  return fc
    .array(
      fc.tuple(
        fc.constantFrom(...names, 'ns', 'limit', 'cursor', '__proto__'),
        fc.oneof(text, number.map(String)),
      ),
      {
        maxLength: 3,
      },
    )
    .map((pairs) => pairs.map((pair) => pair.map(quoted).join('=')).join('&'));
}
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

const calls = [...OPERATIONS, ...OTHERS].map(([route, { parameters = [], requestBody }]) => {
  const [method = '', path = ''] = route.split(' ');
  const schema = Object.values(requestBody?.content ?? {})[0]?.schema;
  const fields = schema ? fieldsOf(resolved(schema)) : [];
  const body = schema ? inputsOf(schema, components.schemas) : payload([]);
  const json = body.map((data) => JSON.stringify(data) ?? '');
  const form = fc.array(fc.tuple(fc.constantFrom('tokens', 'tokens[]', ...fields), text), { maxLength: 5 });
  return fc.record({
    method: fc.oneof(
      { weight: 12, arbitrary: fc.constant(method) },
      { weight: 1, arbitrary: fc.constantFrom(...METHODS) },
    ),
    path: fc
      .array(param, { minLength: 3, maxLength: 3 })
      .map((given) => given.reduce((left, one) => left.replace(/\{\w+\}/, () => one), path)),
    query: queryOf(parameters.filter((one) => one.in === 'query').map(({ name }) => name)),
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
      // It has no end.
      if (answer.headers.get('content-type')?.startsWith('text/event-stream')) {
        await answer.body?.cancel();
        return [];
      }
      const text_ = await answer.text();
      return wrongWithHttp(`${method} ${path}`, answer.status, answer.headers.get('content-type'), text_);
    });
    return (await Promise.all(answers)).flat();
  },
};

function resolved(schema: Schema): Schema {
  return components.schemas[schema.$ref?.split('/').at(-1) ?? ''] ?? schema;
}

function printable(all: string): string {
  return all.replace(/[^\x20-\x7e]/g, '?').trim() || 'x';
}

function quoted(part: string): string {
  return [...Buffer.from(part)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
}
