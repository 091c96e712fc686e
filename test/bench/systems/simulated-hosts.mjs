/**
 * Many hosts of a cluster in one process: the workers and what their primaries ask of Redis, without processes of
 * their own. The plan comes as JSON in SIMULATED: `{hosts: [{basePort, workers}], scrapeMs}`; the other variables are the
 * settings of all hosts.
 */
import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { fileURLToPath } from 'node:url';
import { openPrimaryBackend } from '../../../src/backend/open.ts';
import { hostId } from '../../../src/cluster/host-id.ts';
import { createIpcChannel } from '../../../src/cluster/ipc-channel.ts';
import { parseConfiguration } from '../../../src/config/configuration.ts';
import { createDeadInstances } from '../../../src/dead-instances.ts';
import { createLog } from '../../../src/log.ts';
import { runWorker } from '../../../src/worker.ts';

/** More would be late for the deadlines of their first calls. */
const AT_ONCE = 4;

const pageDir = fileURLToPath(new URL('../../../dist/page', import.meta.url));
const { hosts, scrapeMs } = JSON.parse(process.env.SIMULATED);
const log = createLog({ level: 'warn', pretty: false, base: {} });

/** Two ends that deliver in a later turn, as the channel between two processes does. */
function portPair() {
  const ends = [new EventEmitter(), new EventEmitter()];
  return ends.map((own, index) => ({
    send(message, written) {
      setImmediate(() => {
        ends[1 - index].emit('message', message);
        written(null);
      });
    },
    onMessage: (listener) => own.on('message', listener),
    onClose: () => undefined,
  }));
}

/** Starts a worker and returns its primary's end of the channel. */
async function openWorker(settings, slot) {
  const [atWorker, atPrimary] = portPair();
  const instanceId = randomUUID();
  const worker = {
    slot,
    instanceId,
    ipc: createIpcChannel(atWorker, { log }),
    ready: () => undefined,
    failed: (message) => Promise.reject(new Error(message)),
    onDrain: () => undefined,
  };
  await runWorker({ settings, worker, version: '0', pageDir, log });
  return { ...createIpcChannel(atPrimary, { log }), slot, instanceId };
}

async function openHost({ basePort, workers }) {
  const configured = parseConfiguration(
    { ...process.env, BASE_PORT: String(basePort), WORKERS: String(workers) },
    { defaultWorkers: workers, terminal: false },
  );
  if (!configured.ok) throw new Error(configured.problems.join('; '));
  const { settings } = configured;
  const backend = await openPrimaryBackend({ options: settings, host: hostId(basePort), log });
  const opened = [];
  for (let slot = 0; slot < workers; slot += 1) {
    const worker = await openWorker(settings, slot);
    backend.serve(worker);
    opened.push(worker);
  }
  createDeadInstances({ pick: () => opened[0] });
  // As Prometheus does, but not all hosts in the same moment.
  const scrape = () => void backend.recentOverview();
  setTimeout(() => setInterval(scrape, scrapeMs), Math.random() * scrapeMs);
}

const waiting = [...hosts];
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    for (let host = waiting.shift(); host; host = waiting.shift()) await openHost(host);
  }),
);
process.stdout.write('is ready\n');
