/**
 * The baseline: the room chat that Socket.IO's documentation leads to, several processes over the sharded or the
 * classic Redis adapter, or over the cluster adapter, whose messages go through the primary. Messages carry the id that
 * the client gave them; there is no number, no history and no resume.
 *
 * Environment: BASE_PORT (worker i listens on BASE_PORT + i), WORKERS, ADAPTER (sharded, classic, cluster), and for those
 * with Redis REDIS_URL and COMMAND_TIMEOUT_MS (node-redis gives up a command after 5 s; in overload the sharded adapter
 * then loses the order).
 */
import cluster from 'node:cluster';
import { createServer } from 'node:http';
import { createAdapter as createClusterAdapter, setupPrimary } from '@socket.io/cluster-adapter';
import { createAdapter, createShardedAdapter } from '@socket.io/redis-adapter';
import { createClient } from 'redis';
import { Server } from 'socket.io';

const { REDIS_URL, BASE_PORT = '6001', WORKERS = '2', ADAPTER = 'sharded', COMMAND_TIMEOUT_MS } = process.env;

if (cluster.isPrimary) runPrimary();
else await runWorker();

function runPrimary() {
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  if (ADAPTER === 'cluster') setupPrimary();
  let ready = 0;
  const fork = (slot) => {
    const worker = cluster.fork({ SLOT: String(slot) });
    worker.once('exit', () => setTimeout(fork, 100, slot));
    worker.on('message', (message) => {
      if (message !== 'ready') return;
      ready += 1;
      if (ready === Number(WORKERS)) console.log('stock is ready');
      console.log(`worker ${worker.process.pid}`);
    });
  };
  for (let slot = 0; slot < Number(WORKERS); slot += 1) fork(slot);
}

async function createRedisAdapter() {
  const commandOptions = COMMAND_TIMEOUT_MS === undefined ? {} : { timeout: Number(COMMAND_TIMEOUT_MS) };
  const publisher = createClient({ url: REDIS_URL, commandOptions });
  const subscriber = publisher.duplicate();
  // Without these a lost connection ends the process.
  publisher.on('error', () => {});
  subscriber.on('error', () => {});
  process.on('unhandledRejection', () => {});
  await Promise.all([publisher.connect(), subscriber.connect()]);
  const create = ADAPTER === 'classic' ? createAdapter : createShardedAdapter;
  return create(publisher, subscriber);
}

async function runWorker() {
  const http = createServer((_request, response) => response.end('ok'));
  const adapter = ADAPTER === 'cluster' ? createClusterAdapter() : await createRedisAdapter();
  const io = new Server(http, { adapter });

  io.on('connection', (socket) => {
    const { roomid = 'lobby', username = 'guest' } = socket.handshake.query;
    if (socket.handshake.query.roomid !== undefined) void socket.join(roomid);

    socket.on('join', async ({ roomid: other }, ack) => {
      await socket.join(other ?? roomid);
      ack?.({ ok: true });
    });
    socket.on('leave', async ({ roomid: other }, ack) => {
      await socket.leave(other ?? roomid);
      ack?.({ ok: true });
    });
    socket.on('say', ({ roomid: other, text, clientMsgId }, ack) => {
      const room = other ?? roomid;
      const data = { username, userId: username, text };
      io.to(room).emit('message', {
        event: 'broadcast_say',
        roomid: room,
        clientMsgId,
        at: Date.now(),
        data,
      });
      ack?.({ ok: true });
    });
  });

  http.listen(Number(BASE_PORT) + Number(process.env.SLOT), '127.0.0.1', () => process.send('ready'));
}
