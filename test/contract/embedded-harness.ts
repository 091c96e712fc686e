import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import type { BackendOptions, PrimaryBackend } from '../../src/backend/backend.ts';
import { openEmbeddedPrimary } from '../../src/backend/embedded/primary.ts';
import { openEmbeddedWorker } from '../../src/backend/embedded/worker.ts';
import { createIpcPair, type IpcPair } from './ipc-pair.ts';
import { STORE_OPTIONS } from './store-options.ts';
import type { Harness, Peer } from './suite.ts';

const silent = pino({ level: 'silent' });

export function openPrimary(dataDir: string, options: Partial<BackendOptions> = {}): Promise<PrimaryBackend> {
  return openEmbeddedPrimary({
    options: { ...STORE_OPTIONS, dataDir, ...options },
    host: 'test',
    log: silent,
  });
}

export interface EmbeddedPeer extends Peer {
  readonly pair: IpcPair;
}

/** A worker that talks to the primary within this process. */
export async function openPeer(
  served: PrimaryBackend,
  slot = 0,
  given: Partial<BackendOptions> = {},
): Promise<EmbeddedPeer> {
  const instanceId = randomUUID();
  const pair = createIpcPair(slot, instanceId);
  served.serve(pair.worker);
  const options = { ...STORE_OPTIONS, dataDir: '', ...given };
  const worker = await openEmbeddedWorker({
    options,
    instanceId,
    host: 'test',
    primary: pair.primary,
    saturation: { level: () => 0, spared: () => undefined },
    log: silent,
  });
  return { ...worker, instanceId, pair };
}

export async function makeDataDir(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'roomcast-embedded-'));
}

/** Primary and workers of one embedded store in this process. */
export async function embeddedHarness(): Promise<Harness> {
  const dataDir = await makeDataDir();
  let primary: Promise<PrimaryBackend> | undefined;
  const peers = new Set<EmbeddedPeer>();
  let slots = 0;

  async function stop(): Promise<void> {
    for (const peer of [...peers]) await peer.close();
    slots = 0;
    await (await primary)?.close();
    primary = undefined;
  }

  return {
    async open(options) {
      primary ??= openPrimary(dataDir, options);
      const opened = await openPeer(await primary, slots, options);
      slots += 1;
      // Of those a long test closed itself nothing is kept.
      const peer: EmbeddedPeer = {
        ...opened,
        async close() {
          peers.delete(peer);
          await opened.close();
          opened.pair.cut();
        },
      };
      peers.add(peer);
      return peer;
    },
    restart: stop,
    async close() {
      await stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
