import * as z from 'zod';

export type Json = Record<string, unknown> & { readonly $ref?: string };

type Direction = 'input' | 'output';

/** The schemas under `components`, which the operations refer to. */
export interface NamedSchemas {
  readonly all: Readonly<Record<string, Json>>;
  /** Adds the schema under the `id` of its metadata, or else under the name, and returns the reference to it. */
  refer(schema: z.ZodType, direction: Direction, name: string): Json;
}

/** Generators of clients call their classes by these names; a schema without one gets a number. */
export function createNamedSchemas(): NamedSchemas {
  const all: Record<string, Json> = {};
  return {
    all,
    refer(zod, direction, name) {
      const { schema, inner } = schemaOf(zod, direction);
      Object.assign(all, inner);
      if (schema.$ref !== undefined) return schema;
      all[name] = schema;
      return { $ref: `#/components/schemas/${name}` };
    },
  };
}

/** The schema, or a reference to it if its metadata has an `id`, and those with an `id` within it. */
export function schemaOf(
  zod: z.ZodType,
  io: Direction,
): { readonly schema: Json; readonly inner: Readonly<Record<string, Json>> } {
  const { definitions, ...schema } = z.toJSONSchema(zod, {
    target: 'openapi-3.0',
    io,
    unrepresentable: 'any',
    override: ({ jsonSchema }) => adapt(jsonSchema),
  });
  return { schema: relocated(schema) as Json, inner: relocated(definitions ?? {}) as Record<string, Json> };
}

/** With references to the components, which stand alone where they can: generators make a class of each allOf. */
function relocated(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(relocated);
  if (typeof value !== 'object' || value === null) return value;
  const { $ref, allOf, ...others } = value as { readonly $ref?: string; readonly allOf?: unknown[] };
  if ($ref !== undefined) return { $ref: $ref.replace('#/definitions/', '#/components/schemas/') };
  if (allOf?.length === 1 && Object.keys(others).length === 0) return relocated(allOf[0]);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, relocated(inner)]));
}

const MAX_INT32 = 2_147_483_647;

function adapt(schema: z.core.JSONSchema.BaseSchema): void {
  const { type, minimum, maximum = Number.POSITIVE_INFINITY } = schema;
  // Later versions may add fields, so clients must ignore unknown ones.
  if (schema.additionalProperties === false) delete schema.additionalProperties;
  // Typed languages take 32 bits otherwise, which hold no time in ms.
  if (type === 'integer' && maximum > MAX_INT32) schema.format = 'int64';
  if (maximum === Number.MAX_SAFE_INTEGER) delete schema.maximum;
  if (minimum === Number.MIN_SAFE_INTEGER) delete schema.minimum;
  // Generators have no name for the values of such an enumeration.
  if (type === 'boolean') delete schema.enum;
}
