import { parseId } from '../protocol/names.ts';

/**
 * The user id in a token, unchecked: only the server can check it. Until the server does, the client needs it to tell the
 * user's own messages from those that somebody else left in the storage.
 */
export function tokenSubject(token: string): string | undefined {
  try {
    const [, claims = ''] = token.split('.');
    const chars = atob(claims.replaceAll('-', '+').replaceAll('_', '/'));
    const json = new TextDecoder().decode(Uint8Array.from(chars, (char) => char.charCodeAt(0)));
    return parseId((JSON.parse(json) as { readonly sub?: unknown }).sub);
  } catch {
    return undefined;
  }
}
