import type { IncomingMessage } from 'node:http';
import { hostNameOf } from '../host-names.ts';

type RequestHead = Pick<IncomingMessage, 'method' | 'url' | 'httpVersion' | 'headers' | 'rawHeaders'>;

/**
 * The checks of foreign hosts and origins read `headers.host`, so a request must name one host, in that place alone. Node keeps
 * the first of several Host headers and lets an upgrade have none, and the routers serve the target `http://evil/status` as
 * `/status`. A proxy in front may read each of these in another way.
 *
 * The returned function tells what is wrong with a request. It returns undefined if nothing is.
 */
export function createAuthorityCheck(): (head: RequestHead) => string | undefined {
  /** Parsing a name takes longer than the other checks, and most requests have the same. */
  let lastGood: string | undefined;

  return ({ method, url = '', httpVersion, headers: { host }, rawHeaders }) => {
    if (!url.startsWith('/') && !(url === '*' && method === 'OPTIONS')) return 'target: must begin with /';
    // HTTP/1.0 asks for no Host, and health checks of load balancers send none.
    if (host === undefined) return httpVersion === '1.0' ? undefined : 'Host: must be given';
    if (numberOfHosts(rawHeaders) > 1) return 'Host: must be given once';
    if (host === lastGood) return undefined;
    if (hostNameOf(host) === undefined) return 'Host: must be a host name or an address, and a port at most';
    lastGood = host;
    return undefined;
  };
}

function numberOfHosts(rawHeaders: readonly string[]): number {
  let hosts = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index];
    if (name?.length === 4 && name.toLowerCase() === 'host') hosts += 1;
  }
  return hosts;
}
