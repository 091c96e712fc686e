const ANY_HOST = 'http://localhost';

/**
 * The session id in a request's address, as Engine.IO finds it: of several the last one counts, an empty one is none. Who
 * finds another one than Engine.IO sends requests to the wrong worker, or counts a new connection as an old one.
 */
export function sessionIdOf(target: string): string | undefined {
  if (!URL.canParse(target, ANY_HOST)) return undefined;
  return new URL(target, ANY_HOST).searchParams.getAll('sid').at(-1) || undefined;
}
