import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LoadResult } from '../../src/load/result.ts';
import { type Certificates, makeCertificates } from '../support/certificates.ts';
import { runRoomcast } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { systemFixture } from '../support/fixture.ts';

const SMALL = ['--clients', '40', '--rooms', '2', '--ramp', '200/s', '--processes', '1', '--rate', '40/s'];
/** Limits that a busy machine does not reach: these runs are about messages. */
const PATIENT = ['--max-lag', '1h', '--max-errors', '100%', '--max-p99', '1h'];
/** A machine that is too busy to start a worker in time ends the reload early, which is no fault of the run. */
const RELOAD_ENDED = /reloaded: every slot has a new worker|reload ended early/;
const RELOAD_LIMIT_MS = 150_000;

let folder: string;
let certificates: Certificates;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roomcast-load-'));
  certificates = await makeCertificates();
});
afterAll(async () => {
  await certificates?.remove();
  await rm(folder, { recursive: true, force: true });
});

/** Ends TLS in front of a server on this machine. */
async function openTlsFront(port: number) {
  const [cert, key] = await Promise.all([readFile(certificates.certFile), readFile(certificates.keyFile)]);
  const sockets = new Set<Socket>();
  const server = createServer({ cert, key }, (outer) => {
    const inner = connect(port, '127.0.0.1');
    for (const socket of [outer, inner]) sockets.add(socket);
    for (const [from, to] of [
      [outer, inner],
      [inner, outer],
    ] as const) {
      from.pipe(to);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Ends the run once `during` has resolved. */
async function load(args: readonly string[], env: Record<string, string>, during: () => Promise<void>) {
  const file = join(folder, 'result.json');
  const { child, output } = runRoomcast(
    ['load', ...args, ...SMALL, ...PATIENT, '--duration', '10m', '--json', file],
    env,
  );
  const exited = once(child, 'exit');
  try {
    await eventually(() => expect([child.exitCode, output().stdout].join()).toMatch(/^,.* {2}load {2}/s));
    await during();
  } finally {
    child.kill('SIGINT');
  }
  const [code] = await exited;
  expect([code, output().stderr]).toEqual([0, '']);
  return JSON.parse(await readFile(file, 'utf8')) as LoadResult;
}

describe('roomcast load', () => {
  const stage = systemFixture('embedded');
  const only = () => {
    const [host] = stage.system.hosts;
    if (!host) throw new Error('no host runs');
    return host;
  };

  it('has the server reload, and finds no fault in what clients get meanwhile', async () => {
    const host = only();
    const { faults, totals, verdict } = await load([host.url, '--fault', 'reload@500ms'], {}, () =>
      eventually(() => expect(host.output().stderr).toMatch(RELOAD_ENDED), { timeout: RELOAD_LIMIT_MS }),
    );
    expect(faults).toMatchObject([{ name: 'reload@500ms', detail: `SIGHUP to process ${host.pid}` }]);
    expect(totals.delivered).toBeGreaterThan(totals.said);
    expect(verdict).toMatchObject({ outcome: 'good', findings: [] });
  });

  it('speaks TLS by WebSocket and polling, with the authority in NODE_EXTRA_CA_CERTS', async () => {
    const front = await openTlsFront(Number(new URL(only().url).port));
    const address = `https://localhost:${front.port}`;
    try {
      const before = await storedOn(only().adminUrl);
      const { totals, verdict } = await load(
        [address, '--transport', 'mix'],
        { NODE_EXTRA_CA_CERTS: certificates.caFile },
        () => eventually(async () => expect((await storedOn(only().adminUrl)) - before).toBeGreaterThan(40)),
      );
      expect(totals.said).toBeGreaterThan(40);
      expect(totals.delivered).toBe(totals.said * 20);
      expect(verdict).toMatchObject({ outcome: 'good', findings: [] });

      const { child, output } = runRoomcast(['load', address], {});
      expect([(await once(child, 'exit'))[0], output().stderr]).toEqual([
        3,
        expect.stringMatching(/does not answer \(.*certificate.*\)/),
      ]);
    } finally {
      await front.close();
    }
  });
});

/** The messages of rooms that the host has taken. */
async function storedOn(adminUrl: string): Promise<number> {
  const text = await (await fetch(`${adminUrl}/metrics`)).text();
  return Number(/^roomcast_messages_stored_total (\S+)$/m.exec(text)?.[1] ?? 0);
}
