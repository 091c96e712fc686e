import { parse } from 'node:querystring';

const TOKENS = /^tokens(?:\[\d*\])?$/;

/**
 * A urlencoded push in the shape of its JSON: `tokens=` once or repeated, `tokens[]=` or `tokens[0]=`. What else
 * is in it is dropped. Never throws: where the framework calls it nobody would catch that.
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
