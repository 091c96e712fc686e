import fc from 'fast-check';
import * as z from 'zod';
import { fieldOf, text, value } from './values.ts';

/** A JSON schema, as far as it says something about inputs. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
}

/** Longer texts are refused by their size alone. */
const MAX_TEXT = 40_000;
const LEAST = -(2 ** 53);
const MOST = 2 ** 53;

export function schemaOf(payload: z.ZodType): Schema {
  return z.toJSONSchema(payload, { io: 'input', unrepresentable: 'any' }) as Schema;
}

/** The names of the fields that the schema has, in any of its forms. */
export function fieldsOf({ properties = {}, anyOf = [], oneOf = [], allOf = [] }: Schema): string[] {
  return [...Object.keys(properties), ...[...anyOf, ...oneOf, ...allOf].flatMap(fieldsOf)];
}

/** Mostly what the schema takes, at its limits and one past them, without some fields, and now and then anything. */
export function inputsOf(
  schema: Schema,
  definitions: Readonly<Record<string, Schema>> = {},
  name = '',
): fc.Arbitrary<unknown> {
  return fc.oneof(
    { weight: 8, arbitrary: likelyInput(schema, definitions, name) },
    { weight: 1, arbitrary: value },
  );
}

function likelyInput(
  schema: Schema,
  definitions: Readonly<Record<string, Schema>>,
  name: string,
): fc.Arbitrary<unknown> {
  const { type, properties, items, maxItems } = schema;
  const referred = schema.$ref && definitions[schema.$ref.split('/').at(-1) as string];
  if (referred) return likelyInput(referred, definitions, name);
  const forms = schema.anyOf ?? schema.oneOf ?? schema.allOf;
  if (forms?.length) return fc.oneof(...forms.map((form) => likelyInput(form, definitions, name)));
  if (schema.enum) return fc.constantFrom(...schema.enum);
  if (properties) {
    const fields = Object.entries(properties).map(([key, field]) => [key, inputsOf(field, definitions, key)]);
    return fc.record({ ...Object.fromEntries(fields), unasked: value }, { requiredKeys: [] });
  }
  if (type === 'integer' || type === 'number') return numbersOf(schema);
  if (type === 'boolean') return fc.boolean();
  if (type === 'array') {
    const one = items ? inputsOf(items, definitions, name) : value;
    const some = fc.array(one, { maxLength: 4 });
    if (maxItems === undefined || maxItems > 2_000) return some;
    const many = fc.tuple(one, fc.constantFrom(maxItems, maxItems + 1));
    return fc.oneof(
      { weight: 5, arbitrary: some },
      { weight: 1, arbitrary: many.map(([item, count]) => Array.from({ length: count }, () => item)) },
    );
  }
  if (type === 'string' && schema.maxLength !== undefined) {
    const { minLength = 0, maxLength } = schema;
    const edges = [minLength, maxLength, maxLength + 1].filter((length) => length <= MAX_TEXT);
    return fc.oneof(
      text,
      fc.constantFrom(...edges).map((length) => 'a'.repeat(length)),
    );
  }
  return fieldOf(name);
}

function numbersOf({ minimum = LEAST, maximum = MOST }: Schema): fc.Arbitrary<number> {
  const edges = [minimum - 1, minimum, minimum + 1, maximum - 1, maximum, maximum + 1];
  return fc.oneof(fc.constantFrom(...edges), fc.nat(20), fc.double());
}
