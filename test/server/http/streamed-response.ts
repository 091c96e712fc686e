import { createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { StartStream } from '../../../src/server/http/answer-kinds.ts';

/** The response that the stream is written to, as its reader gets it over a connection of its own. */
export async function openStreamed(
  start: StartStream,
): Promise<{ response: IncomingMessage; close(): void }> {
  const server = createServer((_request, response) => start(response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const response = await new Promise<IncomingMessage>((resolve) =>
    get({ host: '127.0.0.1', port, agent: false }, resolve),
  );
  response.on('error', () => undefined);
  return {
    response,
    close() {
      server.close();
      response.destroy();
    },
  };
}
