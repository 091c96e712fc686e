import * as z from 'zod';
import { MEDIA } from './answer-kinds.ts';
import { createNamedSchemas, type Json, type NamedSchemas, schemaOf } from './json-schemas.ts';
import { refusalError } from './refusal-answers.ts';
import type { ApiRoute } from './route.ts';

/** The facts about this server that the document states. */
export interface ApiFacts {
  readonly version: string;
}

export interface ApiDocument extends Json {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

const ERROR = z
  .object({
    error: refusalError,
  })
  .describe('The reason for a refusal.');

const NAMESPACE = {
  name: 'ns',
  in: 'query',
  required: false,
  description: 'A namespace of NAMESPACES. Not given: /, or the first if / is not served.',
  schema: { type: 'string' },
};

const KEYS = 'One of API_KEYS; where none are set the one in DATA_DIR/api-key.';
const TOKEN = 'The token of a user who may read the room, as for Socket.IO.';
const REFUSED = { $ref: '#/components/responses/Refused' };
const FAILED = { $ref: '#/components/responses/Failed' };

/** The OpenAPI document of the routes. It is one of 3.0, since some generators of clients refuse 3.1. */
export function describeApi(routes: readonly ApiRoute[], { version }: ApiFacts): ApiDocument {
  const schemas = createNamedSchemas();
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route, schemas) };
  }
  schemas.refer(ERROR, 'output', 'Error');
  const error = { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } };
  return {
    openapi: '3.0.3',
    info: {
      title: 'Roomcast',
      version,
      description:
        'What back ends can ask of any worker. MAX_TEXT_BYTES and others in capitals are its settings. ' +
        'An optional field that is null or an empty text counts as not given.',
      license: { name: 'MIT' },
    },
    servers: [{ url: '/' }],
    security: [{ bearer: [] }, { key: [] }],
    paths,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: KEYS },
        key: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: KEYS },
        token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: TOKEN },
        cookie: { type: 'apiKey', in: 'cookie', name: 'token', description: TOKEN },
      },
      schemas: schemas.all,
      responses: {
        Refused: {
          description: 'Refused as it is. Retry-After and 429: too many at the moment.',
          headers: { 'Retry-After': { schema: { type: 'integer', minimum: 1 }, description: 'In s.' } },
          content: error,
        },
        Failed: {
          description: 'It cannot be done now. What was to be changed may have been changed.',
          headers: { 'Retry-After': { schema: { type: 'integer', minimum: 1 }, description: 'In s.' } },
          content: error,
        },
      },
    },
  };
}

function operationOf(route: ApiRoute, named: NamedSchemas): Json {
  const { operationId, summary, open, forUsers, namespaced, answers, schemas } = route;
  const { params, query, headers, body, form, answer, line } = schemas;
  const parameters = [
    ...parametersIn('path', params),
    ...parametersIn('query', query),
    ...parametersIn('header', headers),
    ...(namespaced ? [NAMESPACE] : []),
  ];
  const media = MEDIA[answers];
  const name = `${operationId.charAt(0).toUpperCase()}${operationId.slice(1)}`;
  const content = {
    ...(body === undefined
      ? {}
      : { 'application/json': { schema: named.refer(body, 'input', `${name}Request`) } }),
    ...(form === undefined
      ? {}
      : { 'application/x-www-form-urlencoded': { schema: named.refer(form, 'input', `${name}Form`) } }),
  };
  const answered = line
    ? named.refer(line, 'output', `${name}Line`)
    : answers === 'json'
      ? named.refer(answer, 'output', `${name}Answer`)
      : schemaOf(answer, 'output').schema;
  return {
    operationId,
    summary,
    ...(open ? { security: [] } : {}),
    ...(forUsers ? { security: [{ bearer: [] }, { key: [] }, { token: [] }, { cookie: [] }] } : {}),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: { required: !body.safeParse({}).success, content } }),
    responses: {
      200: { description: 'Done.', content: { [media]: { schema: answered } } },
      ...(open ? {} : { '4XX': REFUSED, '5XX': FAILED }),
    },
  };
}

/** One parameter for each field of the schema. */
function parametersIn(place: 'path' | 'query' | 'header', schema: z.ZodType | undefined): Json[] {
  if (!schema) return [];
  const { properties = {}, required = [] } = schemaOf(schema, 'input').schema as {
    properties?: Readonly<Record<string, Json>>;
    required?: readonly string[];
  };
  return Object.entries(properties).map(([name, { description, ...rest }]) => ({
    name: place === 'header' ? capitalised(name) : name,
    in: place,
    required: place === 'path' || required.includes(name),
    ...(description === undefined ? {} : { description }),
    schema: rest,
  }));
}

/** Node gives header names in lower case. */
function capitalised(name: string): string {
  return name.replace(/(^|-)[a-z]/g, (start) => start.toUpperCase());
}
