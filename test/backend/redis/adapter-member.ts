import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Namespace, Server, type Socket } from 'socket.io';
import type { Adapter } from 'socket.io-adapter';
import { io } from 'socket.io-client';
import { onTestFinished } from 'vitest';
import type { Said } from '../../contract/peers.ts';

/** A Socket.IO server with one client, whose server side joins `room`. */
export async function memberForTest(adapter: (nsp: Namespace) => Adapter, nsp: string, room: string) {
  const http = createServer();
  const server = new Server(http, { adapter });
  const joined = new Promise<Socket>((resolve) => {
    server.of(nsp).on('connection', async (socket) => {
      await socket.join(room);
      resolve(socket);
    });
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const { port } = http.address() as AddressInfo;
  const client = io(`http://127.0.0.1:${port}${nsp}`, { transports: ['websocket'] });
  const heard: Said[] = [];
  client.on('message', (message: Said) => heard.push(message));
  onTestFinished(async () => {
    client.disconnect();
    await server.close();
  });
  return { server, client, heard, socket: await joined };
}
