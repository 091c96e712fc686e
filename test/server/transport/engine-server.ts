import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Server as Engine } from 'engine.io';

/** Engine.IO's types ask for its private request type, which any request becomes in its hands. */
const forEngine = (request: IncomingMessage) => request as Parameters<Engine['handleRequest']>[0];

export interface EngineServer {
  readonly http: Server;
  readonly port: number;
}

/** An HTTP server on a free port that hands every request and upgrade to the engine. */
export async function openEngineServer(
  engine: Engine,
  answering: (request: IncomingMessage, response: ServerResponse) => void = () => undefined,
): Promise<EngineServer> {
  const http = createServer((request, response) => {
    engine.handleRequest(forEngine(request), response);
    answering(request, response);
  });
  http.on('upgrade', (request, socket, head) => engine.handleUpgrade(forEngine(request), socket, head));
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  return { http, port: (http.address() as AddressInfo).port };
}
