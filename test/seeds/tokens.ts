import { SignJWT } from 'jose';

export const SECRET = 'what-the-web-site-signs-with-and-nobody-else';

/** A token as a web site's own login makes it. */
export function mint(
  claims: Readonly<Record<string, unknown>>,
  { secret = SECRET, expires = '1h' }: { secret?: string; expires?: string | number } = {},
): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime(expires)
    .sign(new TextEncoder().encode(secret));
}

/** What `alg: none` looks like: a token that nobody signed. */
export function unsigned(claims: Readonly<Record<string, unknown>>): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'none', typ: 'JWT' })}.${part(claims)}.`;
}
