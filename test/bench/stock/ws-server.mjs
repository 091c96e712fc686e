/**
 * The floor of what JavaScript can do: the same room chat on bare `ws` in one process. A message is built once and
 * sent to each member; there are no acks from a store, no heartbeats, no presence and no second process.
 *
 * Environment: BASE_PORT. A primary that only forks, so that it is measured as the others are.
 */
import cluster from 'node:cluster';
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

const { BASE_PORT = '6001' } = process.env;

if (cluster.isPrimary) runPrimary();
else runWorker();

function runPrimary() {
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  cluster.fork().once('message', () => console.log('ws is ready'));
}

function runWorker() {
  const http = createServer((_request, response) => response.end('ok'));
  const server = new WebSocketServer({ server: http, perMessageDeflate: false });
  const rooms = new Map();

  server.on('connection', (socket, request) => {
    const query = new URLSearchParams(request.url.slice(request.url.indexOf('?')));
    const [roomid, username] = [query.get('roomid') ?? 'lobby', query.get('username')];
    const members = rooms.get(roomid) ?? new Set();
    rooms.set(roomid, members);
    members.add(socket);
    socket.on('close', () => {
      members.delete(socket);
      if (members.size === 0) rooms.delete(roomid);
    });
    socket.on('message', (raw) => {
      const { number, text } = JSON.parse(raw);
      const message = {
        number,
        event: 'broadcast_say',
        roomid,
        at: Date.now(),
        data: { username, userId: username, text },
      };
      const built = Buffer.from(JSON.stringify(message));
      for (const member of members) member.send(built, { binary: false });
      socket.send(`{"ack":${number}}`);
    });
    socket.send('{"joined":true}');
  });

  http.listen(Number(BASE_PORT), '127.0.0.1', () => process.send('ready'));
}
