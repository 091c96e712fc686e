/** socket.io-client 2.5, which comes without types: as much of it as tests use. */
declare module 'socket.io-client-2' {
  export interface OldSocket {
    readonly connected: boolean;
    on(event: string, listener: (...args: never[]) => void): this;
    once(event: string, listener: (...args: never[]) => void): this;
    emit(event: string, ...args: unknown[]): this;
    disconnect(): this;
  }
  export interface OldOptions {
    readonly forceNew?: boolean;
    readonly reconnection?: boolean;
    readonly transports?: readonly ('polling' | 'websocket')[];
    readonly query?: Readonly<Record<string, string>>;
    readonly extraHeaders?: Readonly<Record<string, string>>;
    readonly transportOptions?: {
      readonly polling?: { readonly extraHeaders?: Readonly<Record<string, string>> };
    };
  }
  export class Manager {
    constructor(url: string, options: OldOptions);
    socket(nsp: string, options?: { readonly query?: Readonly<Record<string, string>> | string }): OldSocket;
  }
  export default function io(url: string, options?: OldOptions): OldSocket;
}
