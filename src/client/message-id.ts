/** A random id. Browsers have `randomUUID` only on https and localhost, but random bytes everywhere. */
export function newMessageId(source: typeof crypto = crypto): string {
  if (typeof source.randomUUID === 'function') return source.randomUUID();
  const bytes = source.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
