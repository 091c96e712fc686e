import { request } from 'node:http';
import { request as requestTls } from 'node:https';
import { isIP } from 'node:net';
import type { ServerUrl } from '../plan/server-url.ts';

const LIMIT_MS = 5_000;
/** An Engine.IO session begins so. */
const OPENING = '0{';

/** Asks each server for an Engine.IO session. Says of each that does not give one why, and what to do. */
export async function checkReachable(servers: readonly ServerUrl[], limitMs = LIMIT_MS): Promise<string[]> {
  const problems = await Promise.all(servers.map((server) => problemOf(server, limitMs)));
  return problems.filter((problem) => problem !== undefined);
}

function problemOf(
  { url, host, name, port, secure, socketPath }: ServerUrl,
  limitMs: number,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const sent = (secure ? requestTls : request)({
      host,
      port,
      path: `${socketPath}?EIO=4&transport=polling`,
      headers: { host: new URL(url).host },
      ...(secure && isIP(name) === 0 && { servername: name }),
    });
    // A limit for all of the answer: one that comes byte by byte must not hold up the start.
    const timer = setTimeout(() => silent(`no answer within ${limitMs / 1_000} s`), limitMs);

    function end(problem: string | undefined): void {
      clearTimeout(timer);
      resolve(problem);
      sent.destroy();
    }
    function silent(why: string): void {
      end(`${url} does not answer (${why}): start the server, or correct the address`);
    }

    sent.on('error', ({ message }) => silent(message));
    sent.on('response', (response) => {
      const { statusCode } = response;
      const alien = `${url} answers HTTP ${statusCode} at ${socketPath}, which is no Socket.IO: name the path with the address, such as ${url}/chat/socket.io/`;
      // A busy server may refuse one request and serve the run.
      if (statusCode === 429 || statusCode === 503) return end(undefined);
      if (statusCode !== 200) return end(alien);
      let start = '';
      response.setEncoding('latin1').on('data', (text: string) => {
        start += text;
        if (start.length >= OPENING.length) end(start.startsWith(OPENING) ? undefined : alien);
      });
      response.on('end', () => end(alien));
      // A server that ends the connection within its answer causes no end.
      response.on('error', ({ message }) => silent(message));
      response.on('close', () => silent('the connection ended within the answer'));
    });
    sent.end();
  });
}
