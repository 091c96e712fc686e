/**
 * A small cluster of plain Socket.IO servers on src/cluster, both its primary and its workers. It prints one line of
 * JSON with its ports when it is ready.
 */
import cluster from 'node:cluster';
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { createAdapter, setupPrimary } from '@socket.io/cluster-adapter';
import { Server as Engine } from 'engine.io';
import { pino } from 'pino';
import { Server } from 'socket.io';
import { openAdmin } from '../../src/cluster/admin.ts';
import { openForks } from '../../src/cluster/child.ts';
import { createClientCounter } from '../../src/cluster/client-counter.ts';
import { CONTROL } from '../../src/cluster/control.ts';
import { openFront } from '../../src/cluster/front.ts';
import { openFrontWorker } from '../../src/cluster/front-worker.ts';
import { parseVersions } from '../../src/cluster/ipc-versions.ts';
import { createSupervisor } from '../../src/cluster/supervisor.ts';
import { openWorkerProcess } from '../../src/cluster/worker-process.ts';
import { succeed } from '../../src/protocol/codes.ts';

const HOST = '127.0.0.1';
const BASE_PORT = Number(process.env.BASE_PORT);
const log = pino({ level: process.env.LOG_LEVEL ?? 'warn' }, pino.destination({ fd: 2, sync: true }));

async function runPrimary(): Promise<void> {
  const fork = openForks({ exec: fileURLToPath(import.meta.url), log });
  setupPrimary();
  const front = await openFront({
    host: HOST,
    port: 0,
    mostConnections: Number.POSITIVE_INFINITY,
    log,
    now: Date.now,
    headTimeoutMs: 1_500,
  });
  const supervisor = createSupervisor({
    workers: 2,
    basePort: BASE_PORT,
    fork,
    serve: () => {},
    log,
    now: Date.now,
    random: Math.random,
    drainMs: 5_000,
    onWorkerGone: () => {},
    onProcess: () => {},
    onWorkerSilent: () => {},
    onServing: front.serving,
  });
  const admin = await openAdmin({
    host: HOST,
    port: 0,
    log,
    readiness: async () => ({ reasons: [], warnings: [], away: [] }),
    status: async () => ({ workers: supervisor.status() }),
    reload: () => succeed({ id: 0 }),
  });
  const started = await supervisor.start();
  if (!started.ok) {
    process.stdout.write(`${JSON.stringify(started)}\n`);
    process.exit(1);
  }
  process.on('SIGHUP', async () => {
    process.stdout.write(`${JSON.stringify({ reload: await supervisor.reload() })}\n`);
  });
  process.on('SIGTERM', async () => {
    await supervisor.stop('nowhere');
    await front.close();
    await admin.close();
    process.exit(0);
  });
  process.stdout.write(`${JSON.stringify({ front: front.port, admin: admin.port })}\n`);
}

function runWorker(): void {
  const slot = Number(process.env.RC_SLOT);
  const worker = openWorkerProcess({
    slot,
    instanceId: process.env.RC_INSTANCE_ID ?? '',
    primaryVersions: parseVersions(process.env.RC_IPC_VERSIONS),
    log,
  });
  const engine = new Engine();
  const io = new Server({ adapter: createAdapter() });
  const counter = createClientCounter(worker.ipc);
  setInterval(() => {
    counter.reset();
    worker.ipc.notify(CONTROL.counts, {
      clients: engine.clientsCount,
      rooms: 0,
      loopDelayMs: 0,
      rssBytes: 0,
    });
  }, 1_000).unref();
  io.bind(engine);
  io.on('connection', (socket) => {
    counter.connected();
    socket.on('disconnect', counter.disconnected);
    socket.on('digest', (text: string, ack: (sha256: string) => void) =>
      ack(createHash('sha256').update(text).digest('hex')),
    );
  });

  // The engine's own types ask for its private request type.
  const forEngine = (request: IncomingMessage) => request as Parameters<typeof engine.handleRequest>[0];
  const onRequest = (request: IncomingMessage, response: ServerResponse) => {
    if (request.url?.startsWith('/socket.io/')) engine.handleRequest(forEngine(request), response);
    else if (request.url === '/neither-reads-nor-answers') return;
    else response.end(JSON.stringify({ pid: process.pid, comesBy: comesBy(request) }));
  };
  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (request.url === '/comes-by') {
      socket.end(`HTTP/1.1 101 Told\r\n\r\n${JSON.stringify({ comesBy: comesBy(request) })}`);
      return;
    }
    if (request.url !== '/echo') {
      engine.handleUpgrade(forEngine(request), socket, head);
      return;
    }
    socket.write('HTTP/1.1 101 Echo\r\n\r\n');
    socket.write(head);
    socket.on('error', () => {}).pipe(socket);
  };

  const front = openFrontWorker({
    engine,
    connections: { watch: () => undefined },
    onRequest,
    onUpgrade,
    requestTimeoutMs: 1_500,
  });
  const own = createServer(onRequest).on('upgrade', onUpgrade);
  worker.onDrain({
    async drain() {
      own.close();
      while (engine.clientsCount > 0) await new Promise((resolve) => setTimeout(resolve, 20));
      front.close();
    },
    tighten() {},
  });
  own.once('error', (error) => worker.failed(`its port cannot be listened on: ${error.message}`));
  own.listen(BASE_PORT + slot, HOST, () => worker.ready());
}

/** What brings this request's bytes, and from where. */
function comesBy({ socket }: IncomingMessage): string {
  return `${socket instanceof Socket ? 'socket' : 'messages'} from ${socket.remoteAddress}`;
}

if (cluster.isPrimary) await runPrimary();
else runWorker();
