import { parse } from 'node:querystring';

const TOKENS = /^tokens(?:\[\d*\])?$/;

/**
 * Turns a urlencoded push into the shape of its JSON: `tokens=` once or repeated, `tokens[]=` or `tokens[0]=`. Drops all
 * other fields. It must not throw: the framework would not catch that.
 */
export function pushOfForm(text: string): object {
  const fields = parse(text, '&', '=', { maxKeys: 0 });
  const tokens: string[] = [];
  const push: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (TOKENS.test(name)) for (const token of [value ?? []].flat()) tokens.push(token);
    else if (name === 'entityType' || name === 'data') push[name] = value;
  }
  return { ...push, ...(tokens.length === 0 ? {} : { tokens }) };
}
