import { z } from 'zod';

type Schemas = Readonly<Record<string, object>>;

/** The parser of a schema of the OpenAPI document, in which references to components are put in. */
export function describedBy(schema: unknown, components: Schemas): z.ZodType {
  return z.fromJSONSchema(resolved(schema, components) as never, { defaultTarget: 'openapi-3.0' });
}

function resolved(schema: unknown, components: Schemas): unknown {
  if (Array.isArray(schema)) return schema.map((one) => resolved(one, components));
  if (typeof schema !== 'object' || schema === null) return schema;
  if ('$ref' in schema) {
    const name = String(schema.$ref).replace('#/components/schemas/', '');
    return resolved(components[name], components);
  }
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, resolved(value, components)]));
}
