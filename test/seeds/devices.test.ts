import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import type { PushMessage, ReceiveMessage } from '../../src/protocol/people.ts';
import { eventually } from '../support/eventually.ts';
import { type ClientSocket, connectRaw } from '../support/member.ts';
import { MODES } from '../support/system.ts';
import { openTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { LIBRARIES, type Library } from './libraries.ts';
import { seedStage } from './stage.ts';

const BLACK_HOLE_MS = 10_000;

/** A device that knows how far it got, and says so when it comes back. */
interface Device {
  readonly socket: ClientSocket;
  /** What it was given, live or as what it had missed. */
  readonly got: unknown[];
  readonly logins: () => number;
}

function openDevice(url: string, userId: string): Device {
  const got: unknown[] = [];
  let inbox: { epoch: string; seq: number } | undefined;
  let logins = 0;
  const socket = connectRaw(url, {
    reconnection: true,
    reconnectionDelay: 100,
    reconnectionDelayMax: 500,
    timeout: 2_000,
    auth: (answer) => answer({ userId, ...(inbox === undefined ? {} : { inbox }) }),
  });
  socket.on('push_message', ({ epoch, top, unread }: PushMessage) => {
    logins += 1;
    got.push(...unread.map(({ data }) => data));
    inbox = { epoch, seq: top };
  });
  socket.on('receive_message', ({ data, seq }: ReceiveMessage) => {
    got.push(data);
    if (inbox) inbox = { ...inbox, seq };
  });
  return { socket, got, logins: () => logins };
}

describe.each(MODES)('one user on many devices, %s', (mode) => {
  const stage = seedStage(mode, {}, 2);
  const proxies: TcpProxy[] = [];
  const devices: Device[] = [];
  afterAll(async () => {
    for (const { socket } of devices) socket.disconnect();
    for (const proxy of proxies) await proxy.close();
  });

  async function deviceAt(index: number, userId: string): Promise<Device & { readonly proxy: TcpProxy }> {
    const proxy = await openTcpProxy({ port: Number(new URL(stage.at(index)).port) });
    proxies.push(proxy);
    const device = openDevice(`http://127.0.0.1:${proxy.port}`, userId);
    devices.push(device);
    await eventually(() => expect(device.logins()).toBe(1));
    return { ...device, proxy };
  }

  it('a push reaches all of them once; after 10 s in a black hole a device has everything once, whether its connection heals or it comes back', async () => {
    const user = stage.fresh('Ann');
    const fine = await deviceAt(0, user);
    const heals = await deviceAt(1, user);
    const returns = await deviceAt(2, user);
    const all = [fine, heals, returns];
    const wanted: string[] = [];
    async function push(live?: number): Promise<void> {
      const data = `push ${wanted.length}`;
      wanted.push(data);
      const { status, json } = await stage.post('/api/v1/push', { users: [user], data }, wanted.length);
      expect(status).toBe(200);
      const reached = (json.reach as Record<string, unknown>)[user];
      expect(reached).toMatchObject({ stored: true, ...(live === undefined ? {} : { live }) });
    }

    await push(3);
    for (const { got } of all) await eventually(() => expect(got).toEqual(wanted));

    for (const { proxy } of [heals, returns]) expect(proxy.hold(undefined, true)).toBe(1);
    const until = performance.now() + BLACK_HOLE_MS;
    await push();
    // As a phone does that finds its network gone. Its dials fall into the hole, too.
    returns.socket.io.engine.close();
    while (performance.now() < until) {
      await push();
      await pause(500);
    }
    await eventually(() => expect(fine.got).toEqual(wanted));
    for (const { got } of [heals, returns]) expect(got).toEqual(wanted.slice(0, 1));
    for (const { proxy } of [heals, returns]) proxy.release();
    await eventually(() => expect(returns.logins()).toBe(2));
    await eventually(() => push(3));
    for (const { got } of all) await eventually(() => expect(got.at(-1)).toBe(wanted.at(-1)));
    for (const { got } of all) expect(got).toEqual(wanted);
    expect([fine.logins(), heals.logins()]).toEqual([1, 1]);
  });

  it('are on workers of their own, on both hosts of two', async () => {
    const user = stage.fresh('Bob');
    const [library] = LIBRARIES as [Library];
    const count = stage.system.workers;
    const clients = await Promise.all(
      stage.system.workerUrls.map((_, index) =>
        stage.login(library, mode === 'embedded' ? index * 2 : index, user),
      ),
    );
    expect((await stage.system.clientsByWorker()).length).toBe(count);
    await eventually(async () =>
      expect(Math.min(...(await stage.system.clientsByWorker()))).toBeGreaterThan(0),
    );
    const { json } = await stage.post('/api/v1/push', { users: [user], data: 'to all' });
    expect(json.reach).toEqual({ [user]: { live: count, stored: true } });
    for (const client of clients) {
      await eventually(() => expect(client.all('receive_message')).toMatchObject([{ data: 'to all' }]));
    }
  });
});
