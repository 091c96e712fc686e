import { z } from 'zod';

const BLANKS: readonly unknown[] = [null, ''];

/**
 * The object, of which an optional field may be `null` or `''` as well, and all of it `null` if it has none but
 * optional ones: what clients send whose language knows no absent member. Such a field is taken out before anything
 * is checked, also whether one stands beside another. Free-form data, which may be either of them, stays as it is.
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
  const said = given as Readonly<Record<string, unknown>>;
  // Most have none, and are not copied.
  const blank = fields.filter((field) => BLANKS.includes(said[field]));
  if (blank.length === 0) return given;
  const kept = { ...said };
  for (const field of blank) delete kept[field];
  return kept;
}
