import { MAX_PACKET_BYTES } from '../protocol/limits.ts';
import { listenFlags, type NginxTls, redirectServer, tlsDirectives } from './nginx-tls.ts';

/** The ways in which nginx chooses a client's worker; `roomid` puts the members of a room on one worker. */
export const NGINX_HASHES = ['ip_hash', 'remote_addr', 'roomid'] as const;
/**
 * `upstream` and `site` go into an `http` block (conf.d), so that adding hosts touches `upstream` only;
 * `main` is an nginx.conf that includes both from parts/; `full` is one file with everything.
 */
export const NGINX_PARTS = ['upstream', 'site', 'main', 'full'] as const;

export interface NginxHost {
  /** The address in nginx's spelling: an IPv6 address stands in brackets. */
  readonly address: string;
  readonly basePort: number;
  readonly workers: number;
}

export interface NginxOptions {
  readonly hosts: readonly NginxHost[];
  readonly hash: (typeof NGINX_HASHES)[number];
  readonly listen: readonly string[];
  readonly serverNames: readonly string[];
  readonly socketPath: string;
  /** Addresses of proxies in front of nginx whose X-Forwarded-For is believed. */
  readonly trustProxy: readonly string[];
  /** Requests and WebSockets open at once from one address; 0 = no limit. */
  readonly maxPerAddress: number;
  /** Requests per second from one address; 0 = no limit. */
  readonly ratePerAddress: number;
  readonly tls?: NginxTls;
  readonly part: (typeof NGINX_PARTS)[number];
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;
}

/** Prints the options as they are: pass only what `parseNginxArgs` has accepted. */
export function renderNginx(options: NginxOptions): string {
  const head = `# Made by: ${command(options)}\n`;
  switch (options.part) {
    case 'upstream':
      return head + upstream(options);
    case 'site':
      return head + site(options);
    case 'main':
      return head + main(['include parts/upstream.conf;', 'include parts/site.conf;'].join('\n'));
    case 'full':
      return head + main(`${upstream(options)}\n${site(options)}`.trimEnd());
  }
}

/** The command stands in the file, so that its reader can generate the next version. */
function command(options: NginxOptions): string {
  const words = [`--hosts ${options.hosts.map(shown).join(',')}`];
  if (options.part !== 'site') words.push(`--hash ${options.hash}`);
  if (options.part !== 'upstream') {
    words.push(`--listen ${options.listen.join(',')}`, `--server-name ${options.serverNames.join(',')}`);
    words.push(`--socket-path ${options.socketPath}`);
    if (options.trustProxy.length > 0) words.push(`--trust-proxy ${options.trustProxy.join(',')}`);
    if (options.tls) {
      const { certFile, keyFile, redirectFrom } = options.tls;
      words.push(`--tls-cert ${certFile}`, `--tls-key ${keyFile}`);
      words.push(`--redirect-from ${redirectFrom.length === 0 ? 'off' : redirectFrom.join(',')}`);
    }
    if (options.maxPerAddress > 0) words.push(`--max-per-address ${options.maxPerAddress}`);
    if (options.ratePerAddress > 0) words.push(`--rate-per-address ${options.ratePerAddress}`);
  }
  return `roomcast nginx ${words.join(' ')} --part ${options.part}`;
}

function shown(host: NginxHost): string {
  return `${host.address}:${host.basePort}x${host.workers}`;
}

function upstream(options: NginxOptions): string {
  const servers = options.hosts.flatMap(({ address, basePort, workers }) =>
    Array.from({ length: workers }, (_, slot) => `${address}:${basePort + slot}`),
  );
  return `${options.hash === 'roomid' ? ROOM_KEY : ''}# A worker keeps the port of its slot for good: crashes, restarts and rolling reloads change nothing here.
upstream roomcast {
${indent(METHODS[options.hash])}
    # nginx must not count failures (max_fails=0). It clears a count only when a request ends, and a
    # WebSocket lasts for hours: a restarted worker would get one client in each fail_timeout. A worker that
    # refuses is passed over at once anyway, and every nginx process chooses alike, by the hash alone.
${servers.map((server) => `    server ${server} max_fails=0;`).join('\n')}
}
`;
}

const ROOM_KEY = `map $arg_roomid $roomcast_key {
    "" $remote_addr;
    default $arg_roomid;
}

`;

const METHODS = {
  ip_hash: `# All requests of a polling session must reach one worker. Of an IPv4 address three octets count, so
# clients of one /24 share a worker.
ip_hash;`,
  remote_addr: `# All requests of a polling session must reach one worker: the one its whole address is hashed to.
hash $remote_addr consistent;`,
  roomid: `# All members of ?roomid= on one worker, so that most messages have one subscriber; without it by address.
hash $roomcast_key consistent;`,
} as const;

function site(options: NginxOptions): string {
  const scheme = options.trustProxy.length > 0 ? '$roomcast_scheme' : '$scheme';
  // Workers ping every interval, so a connection silent for longer than a whole heartbeat is dead on both sides.
  const silenceS = Math.ceil((options.pingIntervalMs + options.pingTimeoutMs) / 1000) + 30;
  return `# Only WebSocket may upgrade: nothing else that a client asks for is spoken by workers.
map $http_upgrade $roomcast_upgrade {
    ~*^websocket$ websocket;
    default "";
}
# Connections to workers are not kept: one to a draining worker would bring it new requests, and one the
# worker closes just as a POST goes out ends in a 502, because nginx must not send a POST twice.
map $roomcast_upgrade $roomcast_connection {
    websocket upgrade;
    default close;
}
${trustedScheme(options)}
# Without query strings: they hold the session id, and whoever has that speaks as the client.
log_format roomcast '$remote_addr $time_iso8601 "$request_method $uri $server_protocol" $status $bytes_sent '
                    '$request_time "$upstream_addr" "$upstream_status" $request_id';
${addressZones(options)}
server {
    # The clients of a lost worker all come back at once.
${options.listen.map((listen) => `    listen ${listen}${listenFlags(options.tls)} backlog=4096;`).join('\n')}
    server_name ${options.serverNames.join(' ')};
    server_tokens off;
    # Files of your own; with --tls-cert and --tls-key this server speaks TLS.
    include roomcast.d/*.conf;
    access_log /var/log/nginx/access.log roomcast buffer=32k flush=1s;
    # nginx quotes the whole request in its errors, session id and tokens too. Which worker failed a request,
    # and with what status, stands in the access log.
    error_log /var/log/nginx/error.log emerg;
${indent(tlsDirectives(options.tls) + realIp(options) + clientLimits(options))}

    proxy_http_version 1.1;
    proxy_set_header Host $host;
    proxy_set_header Upgrade $roomcast_upgrade;
    proxy_set_header Connection $roomcast_connection;
    # Replaced, never extended: what a client writes into these does not reach a worker.
    proxy_set_header X-Real-IP $remote_addr;
    # In the workers' log lines too: what became of a request of the access log.
    proxy_set_header X-Request-Id $request_id;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Proto ${scheme};
    proxy_set_header X-Forwarded-Host "";
    proxy_set_header Forwarded "";
    # No web page can say this itself: by it a worker on loopback tells the names of this site from that of a page
    # which had its own name lead here (DNS rebinding).
    proxy_set_header Via "1.1 nginx";
    proxy_redirect off;

    # What each request to a host that is switched off costs before the next worker is tried. One lost SYN,
    # which is sent again after 1 s, must not move a polling session to a worker that does not know it.
    proxy_connect_timeout 2s;
    # Above ping interval + ping timeout (${options.pingIntervalMs} + ${options.pingTimeoutMs} ms): heartbeats decide who is gone, not nginx.
    proxy_read_timeout ${silenceS}s;
    proxy_send_timeout ${silenceS}s;
    # A POST that was sent is never sent again (no non_idempotent), and a 503 is the answer of a living
    # worker to a flood: passing it on would spread the flood and take the worker out.
    proxy_next_upstream error timeout;
    # Every worker is tried: the hash is the same at each attempt, so a client whose first few are all down
    # would never come in. Clients of Socket.IO give up after 20 s.
    proxy_next_upstream_tries 0;
    proxy_next_upstream_timeout 18s;

    location ${options.socketPath.replace(/\/$/, '')} {
        proxy_pass http://roomcast;
        proxy_buffering off;
    }

    location / {
        proxy_pass http://roomcast;
    }
}
${redirectServer(options.tls, options)}`;
}

function trustedScheme(options: NginxOptions): string {
  if (options.trustProxy.length === 0) return '';
  return `# Where TLS ends at a proxy in front, that proxy says so, and only it is believed.
geo $realip_remote_addr $roomcast_from_proxy {
    default 0;
${options.trustProxy.map((cidr) => `    ${cidr} 1;`).join('\n')}
}
map "$roomcast_from_proxy $http_x_forwarded_proto" $roomcast_scheme {
    "1 https" https;
    "1 http" http;
    default $scheme;
}
`;
}

function realIp(options: NginxOptions): string {
  if (options.trustProxy.length === 0) return '';
  return `
# The client is the last address in X-Forwarded-For that is not one of these proxies.
${options.trustProxy.map((cidr) => `set_real_ip_from ${cidr};`).join('\n')}
real_ip_header X-Forwarded-For;
real_ip_recursive on;
`;
}

/** Each megabyte of a zone remembers some 16,000 addresses. */
function addressZones({ maxPerAddress, ratePerAddress }: NginxOptions): string {
  const connections = 'limit_conn_zone $binary_remote_addr zone=roomcast_clients:10m;\n';
  const requests = `limit_req_zone $binary_remote_addr zone=roomcast_requests:10m rate=${ratePerAddress}r/s;\n`;
  return (maxPerAddress > 0 ? connections : '') + (ratePerAddress > 0 ? requests : '');
}

/** Requests that arrive at once, such as for the page and its files, are served as long as the average of ten seconds is kept. */
function addressLimits({ maxPerAddress, ratePerAddress }: NginxOptions): string {
  const connections = `limit_conn roomcast_clients ${maxPerAddress};\nlimit_conn_status 429;\n`;
  const requests = `limit_req zone=roomcast_requests burst=${10 * ratePerAddress} nodelay;\nlimit_req_status 429;\n`;
  return (maxPerAddress > 0 ? connections : '') + (ratePerAddress > 0 ? requests : '');
}

function clientLimits(options: NginxOptions): string {
  return `
# The largest packet is ${MAX_PACKET_BYTES} bytes; the workers refuse what is larger by name.
client_max_body_size ${Math.ceil(MAX_PACKET_BYTES / 1_000_000)}m;
# As much as a worker takes, cookies and a token included; beyond that nginx answers 400 or 414.
large_client_header_buffers 2 8k;
# Slow senders and readers hold a connection of nginx, not one of a worker, and not for long.
client_header_timeout 15s;
client_body_timeout 15s;
send_timeout 30s;
${addressLimits(options)}`;
}

function main(http: string): string {
  return `worker_processes auto;
# A client takes two: its own connection and the one to its worker.
worker_rlimit_nofile 65536;
# After a reload the old processes keep their WebSockets so long at most, or reloads would pile them up.
worker_shutdown_timeout 1h;
# What nginx itself lacks (files, connections); errors of requests do not come here.
error_log /var/log/nginx/error.log warn;
pid /run/nginx.pid;

events {
    worker_connections 32768;
}

http {
${indent(http)}
}
`;
}

function indent(text: string): string {
  return text.trimEnd().replace(/^(?=.)/gm, '    ');
}
