/** The files and ports for a site over TLS. */
export interface NginxTls {
  /** The certificate and those that vouch for it, as nginx finds the file. */
  readonly certFile: string;
  readonly keyFile: string;
  /** Ports without TLS, whose requests are sent on to the site; `off`: none. */
  readonly redirectFrom: readonly string[];
}

/** Returns the flags of `listen` that follow a port of the site. */
export function listenFlags(tls: NginxTls | undefined): string {
  // From nginx 1.25.1 on, `http2 on;` says the same, and this is logged as deprecated. Earlier versions know only this.
  return tls ? ' ssl http2' : '';
}

/** The directives of the server. WebSockets come by HTTP/1.1, of which each has a connection; all others share one of HTTP/2. */
export function tlsDirectives(tls: NginxTls | undefined): string {
  if (!tls) return '';
  return `
ssl_certificate ${tls.certFile};
ssl_certificate_key ${tls.keyFile};
# Each of these suites has forward secrecy and is authenticated; those of TLS 1.3 need no choice.
ssl_protocols TLSv1.2 TLSv1.3;
ssl_ciphers ${CIPHERS.join(':')};
# Phones without AES hardware choose ChaCha20 themselves.
ssl_prefer_server_ciphers off;
# After a crash everybody comes back at once. A client that resumes its session costs no signature. A megabyte
# holds 4,000 sessions.
ssl_session_cache shared:roomcast_tls:32m;
ssl_session_timeout 1d;
# A stolen ticket key would open recorded connections. The cache serves every process.
ssl_session_tickets off;
`;
}

const CIPHERS = ['AES128-GCM-SHA256', 'AES256-GCM-SHA384', 'CHACHA20-POLY1305'].flatMap((cipher) => [
  `ECDHE-ECDSA-${cipher}`,
  `ECDHE-RSA-${cipher}`,
]);

/** The server that sends requests without TLS on. */
export function redirectServer(
  tls: NginxTls | undefined,
  { listen, serverNames }: { readonly listen: readonly string[]; readonly serverNames: readonly string[] },
): string {
  if (!tls || tls.redirectFrom.length === 0) return '';
  const port = /(\d+)$/.exec(listen[0] ?? '')?.[1];
  const target = `https://$host${port === '443' ? '' : `:${port}`}$request_uri`;
  return `
# Requests without TLS are sent on. A POST stays a POST (308).
server {
${tls.redirectFrom.map((from) => `    listen ${from};`).join('\n')}
    server_name ${serverNames.join(' ')};
    server_tokens off;
    access_log off;
    error_log /var/log/nginx/error.log emerg;
    client_header_timeout 15s;
    # A file there may answer the challenges of an authority: location /.well-known/acme-challenge/ { root ...; }
    include roomcast-redirect.d/*.conf;

    location / {
        return 308 ${target};
    }
}
`;
}
