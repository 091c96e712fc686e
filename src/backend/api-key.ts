import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { BackendError, type PrimaryBackend } from './backend.ts';

/** The file that holds the key of the HTTP API when `API_KEYS` is not set. */
export function apiKeyPath(dataDir: string): string {
  return join(resolve(dataDir), 'api-key');
}

export interface ApiKeyDeps {
  readonly dataDir: string;
  readonly backend: Pick<PrimaryBackend, 'agreeOnApiKey'>;
}

export interface ApiKey {
  readonly key: string;
  readonly path: string;
  /** Why the file could not be written, if so. */
  readonly problem?: string;
}

/** Valid as a header value, and long enough that a key written by hand is hard to guess. */
const GRAMMAR = /^[\x21-\x7e]{16,512}$/;
const KEY_BYTES = 32;

/**
 * Returns the key of the API, which is generated at the first start. Loopback gives no right of its own: requests of a
 * proxy on this machine come from there too. All hosts of a cluster share one key: the key in the store takes precedence
 * over a host's file.
 */
export async function openApiKey({ dataDir, backend }: ApiKeyDeps): Promise<ApiKey> {
  const path = apiKeyPath(dataDir);
  const held = readKey(path);
  const agreed = await backend.agreeOnApiKey(held ?? randomBytes(KEY_BYTES).toString('base64url'));
  if (!agreed.ok) throw new BackendError(`the key of the HTTP API is not available: ${agreed.error.message}`);
  const key = agreed.value;
  if (key === held) return { key, path };
  try {
    writeKey(path, key);
    return { key, path };
  } catch (error) {
    return { key, path, problem: (error as Error).message };
  }
}

function readKey(path: string): string | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8').trim();
  } catch (error) {
    if (isAbsence(error)) return undefined;
    throw new BackendError(
      `${path} cannot be read (${(error as Error).message}). Set API_KEYS, or make it readable.`,
    );
  }
  if (GRAMMAR.test(text)) return text;
  throw new BackendError(
    `${path} does not hold a key of 16 to 512 printable characters. Delete it, and the next start creates a new one, or set API_KEYS.`,
  );
}

function isAbsence(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** Writes atomically: another host on the same folder never reads half a key. */
function writeKey(path: string, key: string): void {
  const fresh = `${path}.${process.pid}`;
  mkdirSync(resolve(path, '..'), { recursive: true });
  rmSync(fresh, { force: true });
  writeFileSync(fresh, key, { mode: 0o600, flag: 'wx' });
  renameSync(fresh, path);
}
