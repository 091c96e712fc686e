import { type IncomingHttpHeaders, request } from 'node:http';
import { type Outcome, refuse, succeed } from '../protocol/codes.ts';

export interface WorkerApiDeps {
  /** The address that the workers listen on. */
  readonly host: string;
  /** The port of a worker that serves; undefined if none does. */
  readonly port: () => number | undefined;
}

export interface ApiRequest {
  readonly method: string;
  /** The path with its query. */
  readonly path: string;
  readonly key: string;
  /** JSON; absent for a request without a body. */
  readonly body?: string;
}

export interface ApiAnswer {
  readonly status: number;
  readonly body: Buffer;
}

/** Sends a request to the HTTP API of a worker, which alone checks the key. */
export type WorkerApi = (asked: ApiRequest) => Promise<Outcome<ApiAnswer>>;

/** An order to moderate waits up to a second for workers that do not confirm it. */
const ANSWER_MS = 5_000;
const MAX_ANSWER_BYTES = 2 * 1024 * 1024;

export function createWorkerApi({ host, port }: WorkerApiDeps): WorkerApi {
  const address = ['0.0.0.0', '0', '::'].includes(host) ? '127.0.0.1' : host;

  return ({ method, path, key, body }) =>
    new Promise((resolve) => {
      const at = port();
      if (at === undefined) {
        resolve(refuse('unavailable', 'no worker of this host is ready', 1_000));
        return;
      }
      const headers: IncomingHttpHeaders = {
        'x-api-key': key,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      };
      const failed = (error: Error) =>
        resolve(refuse('unavailable', `the worker does not answer: ${error.message}`));
      const signal = AbortSignal.timeout(ANSWER_MS);
      const call = request(
        { host: address, port: at, method, path, headers, agent: false, signal },
        (response) => {
          const chunks: Buffer[] = [];
          let bytes = 0;
          response.on('data', (chunk: Buffer) => {
            bytes += chunk.length;
            if (bytes > MAX_ANSWER_BYTES) call.destroy(new Error('its answer is too long'));
            else chunks.push(chunk);
          });
          response.on('error', failed);
          response.on('end', () =>
            resolve(succeed({ status: response.statusCode ?? 502, body: Buffer.concat(chunks) })),
          );
        },
      );
      call.on('error', failed);
      call.end(body);
    });
}
