import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runStatus } from '../../src/cli/status.ts';
import { ratesBetween, statusTable, sumOf } from '../../src/cli/status-table.ts';
import { createPrinted } from './command-line.ts';

const STATUS = {
  primary: { pid: 7, version: '1.2.3', startedAt: 0 },
  cluster: { hosts: 2, workers: 3, clients: 1_204, users: 600, rooms: 30 },
  hosts: [
    { name: 'chat1:6001', workers: 2, clients: 4 },
    { name: 'chat2:6001', workers: 1, clients: 1_200 },
  ],
  workers: [
    {
      slot: 0,
      pid: 8,
      port: 6001,
      clients: 4,
      rooms: 2,
      loopDelayMs: 3,
      rssBytes: 104_857_600,
      state: 'ready',
    },
  ],
};

describe('roomcast status', () => {
  let adminPort: number;
  let stored = 0;
  const server = createServer((request, response) => {
    stored += 10;
    const metrics = `roomcast_messages_stored_total ${stored}\nroomcast_messages_delivered_total{a="b"} 5\n`;
    response.end(request.url === '/status' ? JSON.stringify(STATUS) : metrics);
  });
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    adminPort = (server.address() as AddressInfo).port;
  });
  afterAll(() => void server.close());

  async function run(
    argv: string,
    options: { terminal?: boolean; signal?: AbortSignal; port?: number } = {},
  ) {
    const print = createPrinted();
    const { terminal = false, signal = new AbortController().signal, port = adminPort } = options;
    const settings = { adminHost: '127.0.0.1', adminPort: port };
    const now = () => 7_500_000;
    const code = await runStatus(argv.split(' ').filter(Boolean), { settings, terminal, signal, now, print });
    return { code, ...print.text() };
  }

  it.each(['', '--once'])('shows every host and each worker of this one: %j', async (argv) => {
    const { code, out } = await run(argv, { terminal: argv !== '' });
    expect(code).toBe(0);
    expect(out).toBe(`Roomcast 1.2.3, pid 7, up 2 h 5 min
cluster: 2 hosts, 3 workers, 1,204 clients, 600 users, 30 rooms

host        workers  clients
chat1:6001  2        4
chat2:6001  1        1,200

slot  port  pid  clients  rooms  loop delay  memory   state
0     6001  8    4        2      3 ms        100 MiB  ready
`);
  });

  it('prints what /status says as JSON, also in a terminal', async () => {
    const { code, out } = await run('--json', { terminal: true });
    expect([code, JSON.parse(out)]).toEqual([0, STATUS]);
  });

  it('draws itself anew in a terminal until it is interrupted', async () => {
    const { code, out } = await run('', { terminal: true, signal: AbortSignal.timeout(0) });
    expect([code, out.startsWith('\u001b[H\u001b[JRoomcast')]).toEqual([0, true]);
  });

  it('counts one of a thing in the singular', () => {
    const cluster = { hosts: 1, workers: 1, clients: 1, users: 1, rooms: 1 };
    expect(statusTable({ ...STATUS, cluster }, 0, undefined)).toContain(
      'cluster: 1 host, 1 worker, 1 client, 1 user, 1 room\n',
    );
  });

  it('says that nothing answers, and refuses what it does not know', async () => {
    expect(await run('', { port: 1 })).toMatchObject({
      code: 1,
      err: expect.stringContaining('nothing answers'),
    });
    expect(await run('--jason')).toMatchObject({
      code: 2,
      err: expect.stringContaining('did you mean --json?'),
    });
    expect(await run('--help')).toMatchObject({ code: 0, out: expect.stringContaining('Example:') });
  });

  it('counts what happened between two looks, and nothing when a counter fell', () => {
    const before = { atMs: 1_000, stored: 10, delivered: 100 };
    expect(ratesBetween(before, { atMs: 3_000, stored: 30, delivered: 4_100 })).toBe(
      '10 messages/s stored, 2,000 deliveries/s',
    );
    expect(ratesBetween(before, { atMs: 3_000, stored: 0, delivered: 4_100 })).toBeUndefined();
    expect(sumOf('a_total{x="1"} 2\na_total{x="2"} 3\na_total_more 9\n', 'a_total')).toBe(5);
  });
});
