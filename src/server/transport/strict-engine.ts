import type { IncomingMessage } from 'node:http';
import { Server as Engine } from 'engine.io';
import { FRAME_OPTIONS, type FramedSocket, limitControlFrames } from './frame-limits.ts';
import { RefusingEngine } from './polling-ends.ts';

type Answer = (code?: keyof typeof Engine.errorMessages, context?: Record<string, unknown>) => void;
type EngineRequest = IncomingMessage & {
  readonly _query: Readonly<Record<string, string>>;
  /** Set of a request that became a WebSocket. */
  readonly websocket?: FramedSocket;
};
/** The server class of ws, as far as Engine.IO uses it. */
type WebSocketServer = new (options: object) => object;

/**
 * Refuses two kinds of upgrades that Engine.IO takes:
 *
 * - A second WebSocket for a session that began as one, which could take it over. No client does that, and what it sends before
 *   counts against no limit of the session. Engine.IO itself refuses one for a session that was upgraded.
 * - A client of a version that is not served. Engine.IO hangs up after the upgrade, and what it writes then is no frame: nginx
 *   takes the worker for broken, tries the others, and answers 502.
 *
 * It also bounds the frames of WebSockets, for which Engine.IO has no option.
 */
export class StrictEngine extends RefusingEngine {
  /** Engine.IO's constructor calls it to create the server of WebSockets. */
  protected override init(): void {
    const Base: WebSocketServer = this.opts.wsEngine;
    this.opts.wsEngine = class extends Base {
      constructor(options: object) {
        super({ ...options, ...FRAME_OPTIONS });
      }
    };
    super.init();
  }

  protected override createTransport(
    ...[name, request]: Parameters<RefusingEngine['createTransport']>
  ): ReturnType<RefusingEngine['createTransport']> {
    const { websocket } = request as EngineRequest;
    if (websocket) limitControlFrames(websocket);
    return super.createTransport(name, request);
  }

  protected override verify(request: IncomingMessage, isUpgrade: boolean, answer: Answer): void {
    const { sid, EIO } = (request as EngineRequest)._query;
    const { errors } = Engine;
    if (isUpgrade && sid && this.beganAsWebSocket(sid)) {
      answer(errors.BAD_REQUEST, { name: 'TRANSPORT_MISMATCH' });
    } else if (isUpgrade && EIO !== '4' && !this.opts.allowEIO3) {
      answer(errors.UNSUPPORTED_PROTOCOL_VERSION, { protocol: EIO });
    } else super.verify(request as never, isUpgrade, answer);
  }

  private beganAsWebSocket(sid: string): boolean {
    const session = Object.hasOwn(this.clients, sid) ? this.clients[sid] : undefined;
    return session?.transport.name === 'websocket' && !session.upgraded;
  }
}
