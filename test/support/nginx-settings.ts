import type { NginxOptions } from '../../src/cli/nginx-config.ts';

/** The settings of a Roomcast that `roomcast nginx` reads. */
export const NGINX_SETTINGS = {
  workers: 2,
  basePort: 6001,
  socketPath: '/socket.io/',
  pingIntervalMs: 25_000,
  pingTimeoutMs: 20_000,
};

/** The options of `roomcast nginx` with their defaults, but for where it runs. */
export function nginxOptions(own: Pick<NginxOptions, 'hosts'> & Partial<NginxOptions>): NginxOptions {
  const { socketPath, pingIntervalMs, pingTimeoutMs } = NGINX_SETTINGS;
  return {
    hash: 'ip_hash',
    listen: ['80'],
    serverNames: ['_'],
    trustProxy: [],
    maxPerAddress: 0,
    ratePerAddress: 0,
    part: 'full',
    socketPath,
    pingIntervalMs,
    pingTimeoutMs,
    ...own,
  };
}
