import type * as z from 'zod';

/** Describes the first wrong field: `roomid: must be …`. */
export function describeIssues(error: z.ZodError): string {
  const issue = error.issues[0] && innermost(error.issues[0]);
  const field = issue?.path.join('.') || 'payload';
  return `${field}: ${issue ? messageOf(issue) : 'is not valid'}`;
}

const KINDS: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
};

/** Says what to send in the place of the validator's own words. */
export function messageOf(issue: z.core.$ZodIssue): string {
  const { code, message } = issue;
  if (code === 'invalid_type' && message.startsWith('Invalid input')) {
    const kind = KINDS[issue.expected] ?? issue.expected;
    return message.endsWith('received undefined') ? `must be given, as ${kind}` : `must be ${kind}`;
  }
  if (code === 'too_big' && message.startsWith('Too big')) {
    return issue.origin === 'string'
      ? `must not be longer than ${issue.maximum} characters`
      : `must be at most ${issue.maximum}`;
  }
  if (code === 'too_small' && message.startsWith('Too small')) {
    return issue.origin === 'string' ? 'must not be empty' : `must be at least ${issue.minimum}`;
  }
  if (code === 'invalid_value' && message.startsWith('Invalid')) {
    const values = issue.values.map(String).join(', ');
    return issue.values.length === 1 ? `must be ${values}` : `must be one of ${values}`;
  }
  return message;
}

/** Finds the issue to report of a payload with alternative shapes: that of the alternative that has the field. */
function innermost(issue: z.core.$ZodIssue): z.core.$ZodIssue {
  if (issue.code !== 'invalid_union') return issue;
  const inner = issue.errors.flat().find(({ path }) => path.length > 0);
  return inner ? { ...inner, path: [...issue.path, ...inner.path] } : issue;
}
