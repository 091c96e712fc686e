import { createRequire } from 'node:module';

/** What tests use of socket.io-client 2.x, which comes without types. */
export interface LegacySocket {
  readonly id: string;
  readonly connected: boolean;
  readonly io: { readonly engine: { close(): void } };
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  once(event: string, listener: (...args: unknown[]) => void): unknown;
  emit(event: string, ...args: unknown[]): unknown;
  disconnect(): unknown;
}

/** It knows no `auth`: who somebody is stands in the query, in a header, or is said by `user_login`. */
export interface LegacyOptions {
  readonly query?: Readonly<Record<string, string>>;
  readonly extraHeaders?: Readonly<Record<string, string>>;
  readonly path?: string;
  readonly transports?: readonly string[];
  readonly reconnection?: boolean;
  readonly reconnectionAttempts?: number;
  readonly reconnectionDelay?: number;
  readonly reconnectionDelayMax?: number;
}

type Io = (url: string, options: LegacyOptions & { readonly forceNew: boolean }) => LegacySocket;

/** A plain socket.io-client 2.x, of the time of the source systems. The server lets it in with ALLOW_EIO3=on. */
export function connectLegacy(url: string, options: LegacyOptions = {}): LegacySocket {
  const io = createRequire(import.meta.url)('socket.io-client-2') as Io;
  return io(url, { forceNew: true, transports: ['websocket'], reconnection: false, ...options });
}
