import { randomBytes } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Finding } from './finding.ts';

export interface SiteCheckDeps {
  /** The address that browsers use; requests pass all proxies. */
  readonly url: string;
  readonly socketPath: string;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

const ANSWER_MS = 5_000;
/** The handshake of Socket.IO is far shorter. */
const MAX_ANSWER_CHARS = 65_536;

/** Connects to the site as a client does: by polling and by WebSocket. */
export async function checkSite({ url, socketPath }: SiteCheckDeps): Promise<Finding[]> {
  const path = new URL(socketPath, url).href;
  const polling = await ask(`${path}?EIO=4&transport=polling`, {});
  if (typeof polling === 'string')
    return [found(`${url} does not answer: ${polling}`, 'Start nginx, or correct the address')];
  if (polling.status !== 200 || !polling.text.startsWith('0{')) {
    return [
      found(
        `Socket.IO does not answer at ${path} (status ${polling.status})`,
        'Check the location in nginx against SOCKET_PATH, and that workers run',
      ),
    ];
  }
  const socket = await ask(`${path}?EIO=4&transport=websocket`, {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
  });
  if (typeof socket !== 'string' && socket.status === 101) return [];
  const why = typeof socket === 'string' ? socket : `status ${socket.status}`;
  return [
    found(
      `WebSocket does not pass to the workers (${why}); clients fall back to polling, which costs several times as much`,
      'Let each proxy in front pass the headers Upgrade and Connection, as the config of `roomcast nginx` does',
    ),
  ];
}

/** Returns the answer, or why there is none. */
function ask(url: string, headers: Readonly<Record<string, string>>): Promise<Answer | string> {
  return new Promise((resolve) => {
    const send = url.startsWith('https:') ? httpsRequest : httpRequest;
    const request = send(url, { headers, agent: false });
    request.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve({ status: response.statusCode ?? 0, text: '' });
    });
    request.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
        if (text.length > MAX_ANSWER_CHARS) request.destroy(new Error('its answer is too long'));
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      response.on('error', (error) => resolve(error.message));
    });
    // A limit for the whole answer: one that drips keeps an idle timeout away for ever.
    const limit = setTimeout(() => request.destroy(new Error('no whole answer in time')), ANSWER_MS);
    request.on('close', () => clearTimeout(limit));
    request.on('error', (error: NodeJS.ErrnoException) =>
      resolve(error.message || (error.code ?? 'no answer')),
    );
    request.end();
  });
}

function found(problem: string, fix: string): Finding {
  return { subject: 'site', problem, fix };
}
