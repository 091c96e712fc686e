import { createContext } from 'preact';

/** Returns the address of the picture that the page loads for an avatar; undefined: it draws initials. */
export type PictureOf = (avatar: string | undefined) => string | undefined;

/**
 * A user chooses the address of their avatar, and whoever serves a picture learns the addresses of those who see it. So the
 * page loads pictures only from sites that the operator named.
 *
 * `allowed` is `AVATAR_ORIGINS` as the page gets it: origins with spaces between them, of which `https://*.example.org` means
 * all names below that one, or `*`.
 */
export function createPictures(allowed: string): PictureOf {
  const patterns = allowed.split(' ').filter((pattern) => pattern !== '');
  return (avatar) => {
    if (patterns.length === 0 || !avatar?.startsWith('https://')) return undefined;
    const url = parseUrl(avatar);
    // The parsed address is what was compared, so it is also what is loaded.
    return url && patterns.some((pattern) => allows(pattern, url.origin)) ? url.href : undefined;
  };
}

function allows(pattern: string, origin: string): boolean {
  if (pattern === '*' || pattern === origin) return true;
  const [begin = '', end] = pattern.split('*');
  if (end === undefined || !origin.startsWith(begin) || !origin.endsWith(end)) return false;
  return origin.length > begin.length + end.length;
}

function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}

/** Without a provider no picture is loaded. */
export const PicturesContext = createContext<PictureOf>(() => undefined);
