const ANY_HOST = 'http://localhost';
/** A query without any of these has no `sid`, however it is encoded, and need not be parsed. */
const MAY_HAVE_ONE = /sid|[%\t\r\n]/;

/**
 * Returns the session id of a request's URL by the rules of Engine.IO: the last of several counts, an empty one is none. With
 * other rules a request would reach the wrong worker, or a new connection would count as an old one.
 */
export function sessionIdOf(target: string): string | undefined {
  if (!MAY_HAVE_ONE.test(target)) return undefined;
  if (!URL.canParse(target, ANY_HOST)) return undefined;
  return new URL(target, ANY_HOST).searchParams.getAll('sid').at(-1) || undefined;
}
