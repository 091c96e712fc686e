import { setTimeout as pause } from 'node:timers/promises';
import { openApiKey } from './backend/api-key.ts';
import { BackendError, type PrimaryBackend } from './backend/backend.ts';
import { openPrimaryBackend } from './backend/open.ts';
import { hostId } from './cluster/host-id.ts';
import { aborted, type Signals } from './cluster/signals.ts';
import type { Settings } from './config/settings.ts';
import type { Logger } from './log.ts';
import type { Sized } from './sizes.ts';

/** A stop does not wait longer for a store that is still being opened. */
const LATE_OPEN_MS = 1_000;

export interface PrimaryStoreDeps {
  readonly settings: Settings;
  readonly signals: Signals;
  readonly log: Logger;
  /** Prints for the operator why the primary cannot start. */
  readonly complain: (line: string) => void;
}

/** The parts that a primary opens before it forks a worker. */
export interface PrimaryStore {
  readonly backend: PrimaryBackend & Sized;
  /** The key of the HTTP API, if the settings have none. */
  readonly apiKey: string | undefined;
}

/** Opens the store. Returns an exit code if it cannot be used, or if the primary is told to stop meanwhile. */
export async function openPrimaryStore({
  settings,
  signals,
  log,
  complain,
}: PrimaryStoreDeps): Promise<PrimaryStore | number> {
  let backend: (PrimaryBackend & Sized) | undefined;
  try {
    const opening = openPrimaryBackend({ options: settings, host: hostId(settings.basePort), log });
    const opened = await Promise.race([opening, aborted(signals.ended)]);
    if (opened === 'aborted') {
      await Promise.race([opening.then((late) => late.close()).catch(() => {}), pause(LATE_OPEN_MS)]);
      return 0;
    }
    backend = opened;
    for (const warning of backend.warnings) log.warn(warning);
    const apiKey = settings.apiKeys.length > 0 ? undefined : await makeApiKey(settings, backend, log);
    return { backend, apiKey };
  } catch (error) {
    await backend?.close();
    if (!(error instanceof BackendError)) throw error;
    complain(`Roomcast cannot start: ${error.message}`);
    return 1;
  }
}

async function makeApiKey({ dataDir }: Settings, backend: PrimaryBackend, log: Logger): Promise<string> {
  const { key, path, problem } = await openApiKey({ dataDir, backend });
  if (problem === undefined)
    log.info({ path }, 'API_KEYS is not set: the key of the HTTP API is in this file');
  else
    log.warn(
      { path, problem },
      'the key of the HTTP API cannot be written to its file: set API_KEYS or DATA_DIR',
    );
  return key;
}
