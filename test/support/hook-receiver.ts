import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export const HOOK_SECRET = 'a secret of webhooks, 32 bytes..'.replaceAll(' ', '-');

export interface ReceivedEvent {
  readonly id: string;
  readonly type: string;
  readonly at: number;
  readonly ns: string;
  readonly roomid: string;
  readonly [field: string]: unknown;
}

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** What webhooks are sent to. It can be killed, with the requests that it has not answered, and started again. */
export interface HookReceiver {
  readonly url: string;
  /** Every event of a request that was answered with 2xx, repeated ones too. */
  readonly taken: ReceivedEvent[];
  /** The number of requests, and of those with a wrong signature. */
  readonly seen: { requests: number; forged: number };
  /** Says what is answered from now on; without it everything is taken. */
  answer(how?: (body: string) => Answer | Promise<Answer>): void;
  /** Says what is answered to `reviewUrl` from now on; without it everything is allowed. */
  review(how?: (body: string) => Answer | Promise<Answer>): void;
  readonly reviewUrl: string;
  kill(): Promise<void>;
  start(): Promise<void>;
}

export async function openHookReceiver(): Promise<HookReceiver> {
  const taken: ReceivedEvent[] = [];
  const seen = { requests: 0, forged: 0 };
  let how: (body: string) => Answer | Promise<Answer> = () => ({ status: 204 });
  let reviewer: typeof how = () => ALLOWED;
  let server: Server;
  let port = 0;

  async function start(): Promise<void> {
    server = createServer(async (request, response) => {
      const parts: Buffer[] = [];
      for await (const part of request) parts.push(part as Buffer);
      const body = Buffer.concat(parts).toString('utf8');
      seen.requests += 1;
      if (!isSigned(`${request.headers['roomcast-signature']}`, body)) seen.forged += 1;
      const isReview = request.url === '/review';
      const { status, headers = {}, body: text = '' } = await (isReview ? reviewer : how)(body);
      if (response.destroyed) return;
      if (status < 300 && !isReview)
        taken.push(...((JSON.parse(body) as { events?: ReceivedEvent[] }).events ?? []));
      response.writeHead(status, headers).end(text);
    });
    server.on('clientError', (_error, socket) => socket.destroy());
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
  }

  await start();
  return {
    url: `http://127.0.0.1:${port}/hook`,
    reviewUrl: `http://127.0.0.1:${port}/review`,
    taken,
    seen,
    review(next = () => ALLOWED) {
      reviewer = next;
    },
    answer(next = () => ({ status: 204 })) {
      how = next;
    },
    async kill() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
    start,
  };
}

const ALLOWED: Answer = { status: 200, body: '{"allow":true}' };

function isSigned(header: string, body: string): boolean {
  const [, t, v1] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(header) ?? [];
  return v1 === createHmac('sha256', HOOK_SECRET).update(`${t}.${body}`).digest('hex');
}
