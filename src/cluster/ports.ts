import { createServer } from 'node:net';

export interface PortClaim {
  /** The setting that chose the port, for the message. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

/** The settings that choose the ports of a host. */
export interface PortSettings {
  readonly host: string;
  readonly front: boolean;
  readonly port: number;
  readonly adminHost: string;
  readonly adminPort: number;
  readonly basePort: number;
  readonly workers: number;
}

/** Every port that a host listens on. */
export function portClaimsOf(settings: PortSettings): PortClaim[] {
  const { host } = settings;
  const workers = Array.from({ length: settings.workers }, (_, slot) => ({
    name: `port of slot ${slot} (BASE_PORT + ${slot})`,
    host,
    port: settings.basePort + slot,
  }));
  const front = settings.front ? [{ name: 'PORT', host, port: settings.port }] : [];
  return [...front, { name: 'ADMIN_PORT', host: settings.adminHost, port: settings.adminPort }, ...workers];
}

/**
 * Listens on each port for a moment, so that a start that cannot succeed fails before anything is forked. Returns one
 * sentence for every port that is not available. Port 0 always is.
 */
export async function findPortProblems(claims: readonly PortClaim[]): Promise<string[]> {
  const problems: string[] = [];
  const claimed = new Map<number, string>();
  for (const { name, host, port } of claims) {
    if (port === 0) continue;
    const other = claimed.get(port);
    claimed.set(port, name);
    const problem = other ? `is also ${other}` : await tryToListen(host, port);
    if (problem) problems.push(`${name} ${port} on ${host} ${problem}`);
  }
  return problems;
}

function tryToListen(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(describe(error)));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

function describe(error: NodeJS.ErrnoException): string {
  if (error.code === 'EADDRINUSE') return 'is taken (EADDRINUSE)';
  if (error.code === 'EACCES') return 'may not be listened on (EACCES)';
  if (error.code === 'EADDRNOTAVAIL')
    return 'cannot be had: this machine has no such address (EADDRNOTAVAIL)';
  if (error.code === 'ENOTFOUND') return 'cannot be had: the host name is unknown (ENOTFOUND)';
  return `cannot be listened on (${error.code ?? error.message})`;
}

/** The Fetch standard's list: browsers refuse to connect to these ports, with an error that does not say why. */
const BLOCKED_BY_BROWSERS: ReadonlySet<number> = new Set([
  0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104,
  109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515,
  526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049,
  3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
]);

export function isBlockedPort(port: number): boolean {
  return BLOCKED_BY_BROWSERS.has(port);
}
