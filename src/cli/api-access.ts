import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hostInUrl } from '../host-names.ts';

/** The settings from which a command on a server's machine finds the server and its key. */
export interface ApiSettings {
  readonly host: string;
  readonly port: number;
  readonly front: boolean;
  readonly basePort: number;
  readonly apiKeys: readonly string[];
  readonly dataDir: string;
}

/** The HTTP API of a server. */
export interface ApiAccess {
  readonly url: string;
  readonly key: string | undefined;
}

/** Takes what the command line says, else this machine's server and its key. */
export async function findApi(
  settings: ApiSettings,
  given: { readonly url?: string | undefined; readonly key?: string | undefined },
): Promise<ApiAccess> {
  const { host, port, front, basePort, apiKeys, dataDir } = settings;
  const name = ['0.0.0.0', '::', '0'].includes(host) ? '127.0.0.1' : hostInUrl(host);
  const url = given.url ?? `http://${name}:${front ? port : basePort}`;
  // The key in the file is this machine's; another server must not be sent it.
  const own = given.url === undefined ? (apiKeys[0] ?? (await keyInFile(dataDir))) : apiKeys[0];
  return { url: url.replace(/\/+$/, ''), key: given.key ?? own };
}

async function keyInFile(dataDir: string): Promise<string | undefined> {
  try {
    return (await readFile(join(dataDir, 'api-key'), 'utf8')).trim();
  } catch {
    return undefined;
  }
}
