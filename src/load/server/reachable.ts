import { request } from 'node:http';
import { request as requestTls } from 'node:https';
import { isIP } from 'node:net';
import type { ServerUrl } from '../plan/server-url.ts';

const LIMIT_MS = 5_000;

/** Asks each server for an Engine.IO session. Says of each that does not give one why, and what to do. */
export async function checkReachable(servers: readonly ServerUrl[]): Promise<string[]> {
  return (await Promise.all(servers.map(problemOf))).filter((problem) => problem !== undefined);
}

function problemOf({ url, host, name, port, secure, socketPath }: ServerUrl): Promise<string | undefined> {
  return new Promise((resolve) => {
    const path = `${socketPath}?EIO=4&transport=polling`;
    const sent = (secure ? requestTls : request)({
      host,
      port,
      path,
      timeout: LIMIT_MS,
      headers: { host: new URL(url).host },
      ...(secure && isIP(name) === 0 && { servername: name }),
    });
    sent.on('timeout', () => sent.destroy(new Error(`no answer within ${LIMIT_MS / 1_000} s`)));
    sent.on('error', ({ message }) =>
      resolve(`${url} does not answer (${message}): start the server, or correct the address`),
    );
    sent.on('response', (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.on('end', () => {
        if (response.statusCode === 200 && body.startsWith('0{')) resolve(undefined);
        // A busy server may refuse one request and serve the run.
        else if (response.statusCode === 429 || response.statusCode === 503) resolve(undefined);
        else {
          resolve(
            `${url} answers HTTP ${response.statusCode} at ${socketPath}, which is no Socket.IO: name the path with the address, such as ${url}/chat/socket.io/`,
          );
        }
      });
    });
    sent.end();
  });
}
