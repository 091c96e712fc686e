import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import { request as requestTls, Agent as TlsAgent } from 'node:https';
import { isIP } from 'node:net';
import { type Connection, type ConnectionOwner, type ConnectionTarget, hostHeader } from './connection.ts';
import { RECORD_SEPARATOR } from './say-frame.ts';

const SEPARATOR = RECORD_SEPARATOR.charCodeAt(0);
const CLOSE = '1';
const NOOP = '6';

/** An Engine.IO client over HTTP long polling: one GET waits for packets, one POST at a time carries ours. */
export class PollingConnection implements Connection {
  readonly localPort = 0;
  private readonly target: ConnectionTarget;
  private readonly owner: ConnectionOwner;
  private readonly agent: Agent | TlsAgent;
  private readonly requests = new Set<ClientRequest>();
  private path: string;
  private opened = false;
  private ended = false;
  /** Nothing more is read; it ends once what waits has been sent. */
  private closing = false;
  private stalled = false;
  private posting = false;
  private waiting: Buffer[] = [];

  constructor(target: ConnectionTarget, owner: ConnectionOwner) {
    this.target = target;
    this.owner = owner;
    this.path = target.path;
    const options = { keepAlive: true, maxSockets: 2, noDelay: true };
    this.agent = target.secure ? new TlsAgent(options) : new Agent(options);
    this.poll();
  }

  write(frames: Buffer): void {
    this.waiting.push(frames);
    this.post();
  }

  say(text: string): void {
    this.write(Buffer.from(text + RECORD_SEPARATOR));
  }

  stall(): void {
    this.stalled = true;
  }

  destroy(): void {
    this.ended = true;
    for (const each of this.requests) each.destroy();
    this.agent.destroy();
  }

  close(text: string): void {
    this.closing = true;
    this.say(text);
  }

  private end(reason: string): void {
    if (this.ended) return;
    this.destroy();
    if (!this.closing) this.owner.onEnd(reason);
  }

  private poll(): void {
    if (this.ended || this.stalled || this.closing) return;
    this.send('GET', undefined, (body) => {
      if (this.closing) return;
      this.owner.onRead(body.length);
      this.take(body);
      this.poll();
    });
  }

  private post(): void {
    if (this.posting || this.waiting.length === 0 || this.ended) return;
    this.posting = true;
    const packets = Buffer.concat(this.waiting);
    this.waiting = [];
    // A separator stands between packets, none behind the last.
    this.send('POST', packets.subarray(0, packets.length - 1), () => {
      this.posting = false;
      if (this.closing && this.waiting.length === 0) this.destroy();
      else this.post();
    });
  }

  private take(body: Buffer): void {
    for (let at = 0; at < body.length && !this.ended; ) {
      const found = body.indexOf(SEPARATOR, at);
      const end = found < 0 ? body.length : found;
      const text = end - at === 1 ? body.toString('latin1', at, end) : '';
      if (text === CLOSE) this.end('closed by the server');
      else if (text !== NOOP) this.packet(body, at, end);
      at = end + 1;
    }
  }

  private packet(body: Buffer, at: number, end: number): void {
    if (!this.opened) {
      const sid = sidOf(body.toString('utf8', at + 1, end));
      if (sid === undefined) {
        this.owner.onMalformed(end - at);
        return;
      }
      this.path = `${this.target.path}&sid=${encodeURIComponent(sid)}`;
      this.opened = true;
      this.owner.onOpen();
    }
    this.owner.onText(body, at, end);
  }

  private send(method: 'GET' | 'POST', body: Buffer | undefined, then: (body: Buffer) => void): void {
    const { host, name, port, secure, source, headers } = this.target;
    const sent = (secure ? requestTls : request)({
      agent: this.agent,
      host,
      port,
      method,
      path: this.path,
      ...(source && { localAddress: source.address }),
      ...(secure && isIP(name) === 0 && { servername: name }),
      headers: {
        ...headers,
        host: hostHeader(name, port),
        ...(body && { 'content-type': 'text/plain;charset=UTF-8', 'content-length': body.length }),
      },
    });
    this.requests.add(sent);
    sent.on('error', (error: NodeJS.ErrnoException) => this.end(error.code ?? error.message));
    sent.on('close', () => this.requests.delete(sent));
    sent.on('response', (response: IncomingMessage) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => {
        if (this.ended) return;
        if (response.statusCode === 200) then(Buffer.concat(chunks));
        else this.end(`HTTP ${response.statusCode}`);
      });
      response.on('error', (error: NodeJS.ErrnoException) => this.end(error.code ?? error.message));
    });
    sent.end(body);
  }
}

function sidOf(handshake: string): string | undefined {
  try {
    const sid: unknown = JSON.parse(handshake)?.sid;
    return typeof sid === 'string' ? sid : undefined;
  } catch {
    return undefined;
  }
}
