/** A server to load, taken apart for plain sockets. */
export interface ServerUrl {
  readonly url: string;
  /** The address to dial. */
  readonly host: string;
  /** Its name in the URL: for the certificate and the Host header. */
  readonly name: string;
  readonly port: number;
  readonly secure: boolean;
  /** The path of its Socket.IO; the usual one unless the URL has another. */
  readonly socketPath: string;
}

const PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'ws:': 80, 'https:': 443, 'wss:': 443 };
const SOCKET_PATH = '/socket.io/';
const LOOPBACK = ['localhost', '127.0.0.1'];

/** Undefined if it is no address of a site, or has parts that the run would leave out. */
export function readServerUrl(text: string): ServerUrl | undefined {
  if (!/^(?:https?|wss?):\/\/[^/]/i.test(text) || !URL.canParse(text)) return undefined;
  const { protocol, hostname, port, pathname, username, password, search, hash } = new URL(text);
  if (username !== '' || password !== '' || search !== '' || hash !== '') return undefined;
  const isOwn = LOOPBACK.includes(hostname);
  return {
    url: text.replace(/\/+$/, ''),
    // An address saves a lookup for each connection, and lets them have addresses of their own.
    host: isOwn ? '127.0.0.1' : hostname.replace(/^\[|\]$/g, ''),
    name: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? (PORTS[protocol] ?? 80) : Number(port),
    secure: protocol === 'https:' || protocol === 'wss:',
    socketPath: pathname === '/' ? SOCKET_PATH : pathname.replace(/\/*$/, '/'),
  };
}

export function isLoopback({ host }: Pick<ServerUrl, 'host'>): boolean {
  return /^127\./.test(host) || host === '::1';
}
