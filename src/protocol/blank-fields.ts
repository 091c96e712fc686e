import * as z from 'zod';

const BLANKS: readonly unknown[] = [null, ''];

/**
 * Accepts `null` and `''` for an optional field, and `null` for an object that has optional fields only: clients in
 * languages without absent members send these. Blank fields are removed before any check, including checks across
 * fields. Free-form data, which may itself be `null` or `''`, stays as it is.
 */
export function withBlankOptionals<T extends z.ZodObject>(object: T) {
  const fields = Object.entries<z.ZodType>(object.shape)
    .filter(
      ([, field]) =>
        field._zod.optin !== undefined && !BLANKS.every((blank) => field.safeParse(blank).success),
    )
    .map(([name]) => name);
  return z.preprocess((given: z.input<T>) => withoutBlanks(given, fields), object);
}

function withoutBlanks(given: unknown, fields: readonly string[]): unknown {
  if (given === null) return {};
  if (typeof given !== 'object' || Array.isArray(given)) return given;
  const object = given as Readonly<Record<string, unknown>>;
  // Most payloads have no blank field, and are not copied.
  const blank = fields.filter((field) => BLANKS.includes(object[field]));
  if (blank.length === 0) return given;
  const rest = { ...object };
  for (const field of blank) delete rest[field];
  return rest;
}
