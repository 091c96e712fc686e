import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { runCommand } from '../../src/cli/commands.ts';
import { parseConfiguration } from '../../src/config/configuration.ts';
import { createPrinted } from './command-line.ts';

const METRICS = [
  '',
  'roomcast_worker_up{slot="0"} 1',
  'roomcast_cluster_members{kind="hosts"} 1',
  'roomcast_message_text_bytes_count 1',
  '',
].join('\n');

async function profile(args: readonly string[]) {
  const print = createPrinted();
  const code = await runCommand({
    name: 'profile',
    version: '1',
    args: [...args, '--api-key', 'key', '--duration', '1s'],
    configuration: parseConfiguration({}, { defaultWorkers: 1, terminal: false }),
    rows: [],
    readFile: () => undefined,
    print,
  });
  return { code, err: print.text().err };
}

it('a profile refuses a host that is named twice, which would count twice', async () => {
  const twice = 'http://127.0.0.1:2,http://127.0.0.1:2/';
  const { code, err } = await profile(['http://127.0.0.1:1', '--metrics', twice]);
  expect(code).toBe(2);
  expect(err).toContain('--metrics names http://127.0.0.1:2 twice');
});

it('a profile refuses more addresses of metrics than the cluster has hosts', async () => {
  const server = createServer(({ url }, response) =>
    response.end(url?.endsWith('/metrics') ? METRICS : JSON.stringify({ rooms: [] })),
  ).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const { port } = server.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}`;
    const { code, err } = await profile([url, '--metrics', `${url},${url}/other`]);
    expect(err).toContain('--metrics has 2 addresses, and the cluster fewer hosts (1)');
    expect(code).toBe(1);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
