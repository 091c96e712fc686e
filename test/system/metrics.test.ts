import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ReloadStatus } from '../../src/cluster/reloads.ts';
import type { HostView } from '../../src/host-view/view.ts';
import { type Host, type HostStatus, startHost } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { connect, enter } from '../support/member.ts';

/** A say waits for the disk, and several wait together. */
const AT_ONCE = 10;

let host: Host;

beforeAll(async () => {
  host = await startHost({ workers: 2, env: { RATE_SAY: '0', DRAIN_S: '3' } });
});
afterAll(async () => {
  await host.stop();
  await host.remove();
});

const scrape = async () => (await fetch(`${host.adminUrl}/metrics`)).text();

/** Computes Prometheus' increase() of a counter: it takes a value below the last one for a restart from zero. */
function createIncrease(name: string) {
  let last: number | undefined;
  const seen = { increase: 0, falls: 0 };
  return {
    seen,
    read(text: string) {
      const value = Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1] ?? 'NaN');
      if (last !== undefined) {
        if (value < last) seen.falls += 1;
        seen.increase += value < last ? value : value - last;
      }
      last = value;
    },
  };
}

describe('the counters of a host', () => {
  it('rise by what the clients counted, over a reload and a kill -9 of a worker, and never fall', async () => {
    const said = createIncrease('roomcast_messages_stored_total');
    const delivered = createIncrease('roomcast_messages_delivered_total');
    const reader = await enter(host.workerUrls[0] as string, 'counted', 'Reader', {
      reconnection: true,
      reconnectionDelay: 50,
      reconnectionDelayMax: 200,
    });
    const read = async () => {
      const text = await scrape();
      for (const counter of [said, delivered]) counter.read(text);
    };
    await read();

    let acked = 0;
    async function talk(): Promise<void> {
      const upTo = acked + 200;
      while (acked < upTo) {
        const member = await connect(host.url).catch(() => undefined);
        if (!member) continue;
        await member.ask('join', { roomid: 'counted', username: 'Talker' }).catch(() => undefined);
        while (member.socket.connected && acked < upTo) {
          const acks = await Promise.all(
            Array.from({ length: Math.min(AT_ONCE, upTo - acked) }, () =>
              member.socket
                .timeout(2_000)
                .emitWithAck('say', { roomid: 'counted', text: 'counted' })
                .catch(() => undefined),
            ),
          );
          acked += acks.filter((ack) => ack?.ok).length;
        }
        member.close();
      }
    }
    const allCounted = async () => {
      await eventually(async () => {
        await read();
        expect(said.seen.increase).toBeGreaterThanOrEqual(acked);
      });
      // A say whose ack the reload cut off counts if it is stored.
      const late = await enter(host.url, 'counted', 'Late');
      expect(said.seen.increase).toBeLessThanOrEqual(late.joined.seq);
      late.close();
    };
    const pids = async () => (await host.status()).workers.map(({ pid }) => pid);
    await talk();
    const before = await pids();
    process.kill(host.pid, 'SIGHUP');
    await talk();
    await eventually(async () => {
      await read();
      const { workers, reload } = (await host.status()) as HostStatus & { reload?: ReloadStatus };
      expect(reload?.state).toBe('done');
      expect(workers.filter(({ pid }) => before.includes(pid))).toEqual([]);
    });
    await talk();
    // A killed worker takes along the counts since its last report, at most a second's.
    await allCounted();
    process.kill((await pids())[1] as number, 'SIGKILL');
    await talk();
    await eventually(async () =>
      expect((await host.status()).workers.map(({ state }) => state)).toEqual(['ready', 'ready']),
    );
    await allCounted();
    expect([said.seen.falls, delivered.seen.falls]).toEqual([0, 0]);
    const text = await scrape();
    expect(text).toContain('\nroomcast_worker_restarts_total{reason="crash"} 1\n');
    expect(text).toContain('\nroomcast_reloads_total{result="ok"} 1\n');
    reader.close();
  });

  it('count refused handshakes and events by code', async () => {
    await fetch(`${host.url}/socket.io/?EIO=4&transport=carrier-pigeon`);
    await expect(connect(host.url, { query: { roomid: '\u0000' } })).rejects.toThrow('roomid');
    const member = await connect(host.url);
    expect(await member.ask('say', { roomid: 'nowhere', text: 'x' })).toMatchObject({ ok: false });
    member.close();
    await eventually(async () => {
      const text = await scrape();
      expect(text).toContain('\nroomcast_handshakes_refused_total{code="transport_unknown"} 1\n');
      expect(text).toContain('\nroomcast_handshakes_refused_total{code="bad_request"} 1\n');
      expect(text).toContain('\nroomcast_events_refused_total{code="not_joined"} 1\n');
    });
  });
});

describe('a connection', () => {
  it('leaves one line in the log when it ends, with the request id of the proxy and nothing that was said', async () => {
    const extraHeaders = { 'x-request-id': 'a1b2c3d4e5f6' };
    const member = await enter(host.url, 'logged', 'Logged', { extraHeaders });
    await member.do('say', { text: 'not for the log' });
    const { clientId } = member.hello;
    member.close();
    const lines = () =>
      host
        .output()
        .stderr.split('\n')
        .filter((line) => line.includes(clientId));
    await eventually(async () => expect(lines()).toHaveLength(1));
    expect(JSON.parse(lines()[0] as string)).toMatchObject({
      msg: 'connection ended',
      requestId: 'a1b2c3d4e5f6',
      transport: 'websocket',
      ns: '/',
      rooms: 1,
      ms: expect.any(Number),
      reason: 'client namespace disconnect',
    });
    expect(host.output().stderr).not.toContain('not for the log');
  });

  it('has no request id that a client made up to write into the log', async () => {
    const member = await connect(host.url, {
      extraHeaders: { 'x-request-id': '","level":60,"msg":"forged' },
    });
    const { clientId } = member.hello;
    member.close();
    await eventually(async () => expect(host.output().stderr).toContain(clientId));
    expect(host.output().stderr).not.toContain('forged');
  });
});

describe('the view of the operator’s page', () => {
  it('shows a worker that is killed, its successor, and what is said where, but neither names nor texts', async () => {
    const ask = async () => (await fetch(`${host.adminUrl}/view.json`)).text();
    const member = await enter(host.workerUrls[0] as string, 'viewed', 'Nobody');
    const before = JSON.parse(await ask()) as HostView;
    const killed = before.workers.find(({ slot }) => slot === 1);
    process.kill(killed?.pid ?? 0, 'SIGKILL');
    await eventually(async () => {
      await member.do('say', { text: 'not for the operator' });
      const text = await ask();
      const { workers, events, rooms, series } = JSON.parse(text) as HostView;
      const successor = workers.find(({ slot }) => slot === 1);
      const about = (pid = 0) => events.filter((event) => event.pid === pid).map((event) => event.text);
      expect(successor).toMatchObject({ state: 'ready', restarts: (killed?.restarts ?? 0) + 1 });
      expect(about(successor?.pid)).toEqual(['worker is ready', 'worker starts']);
      expect(about(killed?.pid)[0]).toBe('worker ended unasked (signal SIGKILL) and is replaced');
      expect(rooms.busiest.map(({ roomid, clients }) => [roomid, clients])).toContainEqual(['viewed', 1]);
      expect(Math.max(...series.acks)).toBeGreaterThan(0);
      expect(text).not.toMatch(/not for the operator|Nobody/);
    });
    member.close();
  });
});
