import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { DCLinter } from 'dclint';
import { validate } from 'dockerfile-utils';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseNginxArgs } from '../../src/cli/nginx-arguments.ts';
import { parseConfiguration } from '../../src/config/configuration.ts';

const ROOT = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, ROOT), 'utf8');
const compose = parse(read('docker-compose.yml'), { merge: true });
const CHAT = ['chat1', 'chat2'];

/** Of somebody who has set none of the variables that the file takes over. */
function configurationOf(environment: Readonly<Record<string, string>>) {
  const env = Object.entries(environment).map(([name, value]) => [
    name,
    value.replace(/\$\{\w+(?::-(.*?))?\}/g, '$1'),
  ]);
  return parseConfiguration(Object.fromEntries(env), { defaultWorkers: 1, terminal: false });
}

describe('docker-compose.yml', () => {
  it('is valid by the Compose specification, and by dclint’s rules beside those of order and quotes', () => {
    const linter = new DCLinter({
      rules: {
        // The port is bound to loopback by its default, which dclint does not read.
        'no-unbound-port-interfaces': 0,
        'require-quotes-in-ports': 0,
        'service-keys-order': 0,
        'services-alphabetical-order': 0,
        'top-level-properties-order': 0,
      },
      quiet: false,
      debug: false,
      exclude: [],
    });
    // dclint's own types do not resolve under NodeNext.
    const results: { messages: { rule: string; message: string }[] }[] = linter.lintFiles(
      [fileURLToPath(new URL('docker-compose.yml', ROOT))],
      false,
    );
    expect(results).toHaveLength(1);
    expect(
      results.flatMap(({ messages }) => messages.map(({ rule, message }) => `${rule}: ${message}`)),
    ).toEqual([]);
  });

  it('has the chat hosts that nginx’s config names, with as many workers each', () => {
    const made = /^# Made by: roomcast nginx (.*)$/m.exec(read('nginx/parts/upstream.conf'))?.[1] ?? '';
    const settings = { workers: 1, basePort: 1, socketPath: '/x/', pingIntervalMs: 1, pingTimeoutMs: 1 };
    const request = parseNginxArgs(made.split(' '), settings);
    const hosts = request.kind === 'render' ? request.options.hosts : [];
    const services = CHAT.map((name) => {
      const { BASE_PORT, WORKERS } = compose.services[name].environment;
      return { address: name, basePort: Number(BASE_PORT), workers: Number(WORKERS) };
    });
    expect(services).toEqual(hosts);
  });

  it.each(CHAT)('starts %s with settings that exist, on the Redis of the file', (name) => {
    const { environment } = compose.services[name];
    const configuration = configurationOf(environment);
    expect(configuration).toMatchObject({ ok: true, settings: { host: '0.0.0.0', front: false } });
    expect(new URL(environment.REDIS_URL).hostname).toBe('redis');
  });

  it.each(CHAT)('gives %s more time to stop than a drain takes, and passes it the signal', (name) => {
    const { environment, init, stop_grace_period } = compose.services[name];
    const configuration = configurationOf(environment);
    const drainS = configuration.ok
      ? configuration.settings.drainS + configuration.settings.drainDelayS
      : Number.POSITIVE_INFINITY;
    expect(Number.parseInt(stop_grace_period, 10)).toBeGreaterThan(drainS);
    expect(stop_grace_period).toMatch(/^\d+s$/);
    expect(init).toBe(true);
  });

  it('has a Redis that keeps what was acked: on disk, in a volume, and never evicted', () => {
    const { command, volumes } = compose.services.redis;
    expect(command.join(' ')).toContain('--appendonly yes --appendfsync always');
    expect(command.join(' ')).toContain('--maxmemory-policy noeviction');
    expect(volumes).toEqual(['redis:/data']);
    expect(compose.volumes).toHaveProperty('redis');
  });

  it('gives no service more of the machine than it needs, and none a file system to change', () => {
    const services: Record<string, Record<string, unknown>> = compose.services;
    for (const [name, service] of Object.entries(services)) {
      expect([name, service.read_only, service.cap_drop, service.security_opt]).toEqual([
        name,
        true,
        ['ALL'],
        ['no-new-privileges:true'],
      ]);
      expect(service.cap_add).toEqual(
        name === 'nginx' ? ['CHOWN', 'NET_BIND_SERVICE', 'SETGID', 'SETUID'] : undefined,
      );
      expect(service.mem_limit).toMatch(/^\d+[mg]$/);
      expect(service.pids_limit).toBeGreaterThan(0);
    }
  });

  it('lets Redis fill half of its memory: a rewrite of its log may copy all of it', () => {
    const { command, mem_limit } = compose.services.redis;
    const bytes = (size: string) => Number.parseInt(size, 10) * (/g/.test(size) ? 1_024 : 1);
    expect(bytes(command[command.indexOf('--maxmemory') + 1]) * 2).toBeLessThanOrEqual(bytes(mem_limit));
  });

  it('starts everything in order, restarts it, and lets nothing but nginx be reached from outside', () => {
    const services: Record<string, Record<string, never>> = compose.services;
    for (const [name, service] of Object.entries(services)) {
      expect(service.restart).toBe('unless-stopped');
      expect(service).toHaveProperty('healthcheck');
      expect(Object.hasOwn(service, 'ports')).toBe(name === 'nginx');
    }
    const healthy = { condition: 'service_healthy' };
    expect(services.nginx?.depends_on).toEqual({ chat1: healthy, chat2: healthy });
    for (const name of CHAT) expect(services[name]?.depends_on).toEqual({ redis: healthy });
    expect(services.nginx?.ports).toEqual([expect.stringContaining('127.0.0.1:')]);
  });

  it('gives every service that nginx addresses a fixed address', () => {
    const addresses = [...CHAT, 'nginx'].map((name) => compose.services[name].networks.inner.ipv4_address);
    expect(new Set(addresses).size).toBe(3);
    const prefix = compose.networks.inner.ipam.config[0].subnet.replace(/0\/24$/, '');
    for (const address of addresses) expect(address.startsWith(prefix)).toBe(true);
  });
});

describe('deploy/Dockerfile', () => {
  it('is one that Docker’s own checks take', () => {
    expect(
      validate(read('deploy/Dockerfile')).map(({ message, range }) => `${range.start.line + 1}: ${message}`),
    ).toEqual([]);
  });
});
