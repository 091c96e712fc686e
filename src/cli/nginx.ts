import { type NginxSettings, parseNginxArgs } from './nginx-arguments.ts';
import { renderNginx } from './nginx-config.ts';

/** Problems go to standard error, since the config is usually redirected into a file. */
export interface Printer {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/** Prints the nginx config that fits the settings; returns the exit code. */
export function runNginx(argv: readonly string[], settings: NginxSettings, print: Printer): number {
  const request = parseNginxArgs(argv, settings);
  switch (request.kind) {
    case 'help':
      print.out(help(settings));
      return 0;
    case 'wrong':
      for (const problem of request.problems) print.err(`roomcast nginx: ${problem}\n`);
      print.err('See roomcast nginx --help.\n');
      return 2;
    case 'render':
      print.out(renderNginx(request.options));
      return 0;
  }
}

function help(settings: NginxSettings): string {
  return `Usage: roomcast nginx --hosts HOST[,HOST...] [options]

Prints the config of the nginx in front of the workers of one or more hosts.
WORKERS, BASE_PORT, SOCKET_PATH, PING_INTERVAL_MS and PING_TIMEOUT_MS are read from the environment as by
roomcast start; the values in brackets are those of now.

  --hosts HOST,...       address[:BASE_PORT[xWORKERS]], such as 10.0.0.1,10.0.0.2:7001x8,[fd00::3]:6001
  --workers N            workers of hosts that say nothing else [${settings.workers}]
  --base-port N          port of slot 0 of hosts that say nothing else [${settings.basePort}]
  --hash HOW             what decides the worker of a client [ip_hash]
                           ip_hash      its address, of IPv4 the first three octets
                           remote_addr  its whole address
                           roomid       the room in ?roomid=, else its whole address
  --listen PORT,...      ports or address:port, such as 80,[::]:80 [80; with TLS 443]
  --tls-cert FILE        certificate chain (PEM): the site is served over TLS, with HTTP/2 for pages and API
  --tls-key FILE         its private key
  --redirect-from PORT,... with TLS: ports that send requests on to https, or off [80]
  --server-name NAME,... [_]
  --socket-path PATH     [${settings.socketPath}]
  --trust-proxy CIDR,... proxies in front of nginx (a CDN, a load balancer) whose X-Forwarded-For and
                         X-Forwarded-Proto are believed; without it all their clients count as one address
  --max-per-address N    requests and WebSockets open at once from one address, beyond that 429;
                         a school or an office can be one address [0 = no limit]
  --rate-per-address N   requests per second from one address, and ten times that at once, beyond that 429;
                         the messages of a WebSocket are no requests [0 = no limit]
  --part PART            full      a whole nginx.conf
                         upstream  the list of workers, for conf.d/
                         site      the server, for conf.d/
                         main      an nginx.conf that includes parts/upstream.conf and parts/site.conf [full]

Anything of your own goes into files roomcast.d/*.conf next to nginx.conf.
`;
}
