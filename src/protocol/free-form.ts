import { MAX_JSON_DEPTH } from './limits.ts';
import { isWellFormed } from './names.ts';

/**
 * Converts a client's or back end's JSON value to text. Returns undefined if it is not JSON, is nested too deep or contains
 * a lone surrogate, in a key too. Checks the depth first: an array nested 6,000 deep fits into 12 kB and crashes a worker
 * that stringifies it.
 */
export function stringifyFreeForm(value: unknown): string | undefined {
  return isJson(value, MAX_JSON_DEPTH) ? JSON.stringify(value) : undefined;
}

function isJson(value: unknown, depthLeft: number): boolean {
  switch (typeof value) {
    case 'string':
      return isWellFormed(value);
    case 'boolean':
      return true;
    case 'number':
      return Number.isFinite(value);
    case 'object':
      break;
    default:
      return false;
  }
  if (value === null) return true;
  if (depthLeft === 0) return false;
  if (Array.isArray(value)) return value.every((item) => isJson(item, depthLeft - 1));
  // Binary attachments arrive as buffers, which would be written as objects of their bytes.
  if (Object.getPrototypeOf(value) !== Object.prototype) return false;
  return Object.entries(value).every(([key, item]) => isWellFormed(key) && isJson(item, depthLeft - 1));
}
