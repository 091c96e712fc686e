import { mkdtempSync, renameSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it, onTestFinished } from 'vitest';
import { refuseNewLogs } from '../../src/chat/nearly-full.ts';
import { type Host, startHost } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import type { Fixture } from '../support/fixture.ts';
import type { System } from '../support/system.ts';

type Settings = Readonly<Record<string, string>>;

const MIB = 1024 * 1024;

/** The space of a system's store. */
export interface Space {
  /** Uses up all but a small part. Resolves, as `relieve` does, once every worker knows. */
  fill(system: System): Promise<void>;
  relieve(system: System): Promise<void>;
  /** Resolves with a host whose primary has looked at the space as it is now. */
  hostThatLooked(system: System): Promise<Host>;
  /** Part of what it says then. */
  readonly warning: string;
}

/** Call it in the `describe` of the fixture. */
export function nearlyFullStore(stage: Fixture, space: Space): void {
  const { at, fresh, connect, device, enter } = stage;

  it('of a store that is nearly full refuse what strangers leave, and nothing else', async () => {
    const [ann, bob] = [await enter(at(0), fresh('used'), 'Ann'), await device(at(1), fresh('Bob'))];
    await ann.do('say', { text: 'before' });
    await space.fill(stage.system);
    for (const url of [at(0), at(1)]) {
      const stranger = await connect(url);
      const roomid = fresh('new');
      await stranger.do('join', { roomid });
      expect(await stranger.ask('say', { roomid, text: 'x' })).toEqual(refuseNewLogs());
      expect(await stranger.ask('private', { to: fresh('nobody'), text: 'x' })).toEqual(refuseNewLogs());
      await stranger.do('private', { to: bob.hello.user.id, text: 'x' });
    }
    await ann.do('say', { text: 'meanwhile' });
    const { adminUrl, workerUrls } = await space.hostThatLooked(stage.system);
    expect((await fetch(`${workerUrls[0]}/readyz`)).status).toBe(200);
    const ready = await fetch(`${adminUrl}/readyz`);
    expect([ready.status, await ready.json()]).toEqual([
      200,
      { ok: true, warnings: expect.arrayContaining([expect.stringContaining(space.warning)]) },
    ]);
    const ofBackEnd = await fetch(`${at(0)}/api/v1/rooms/${fresh('back-end')}/messages`, {
      method: 'POST',
      headers: { ...stage.system.keyHeader, 'content-type': 'application/json' },
      body: JSON.stringify({ text: 'x' }),
    });
    expect(ofBackEnd.status).toBe(200);
    await space.relieve(stage.system);
    const guest = await enter(at(1), fresh('new'), 'Guest');
    await guest.do('say', { text: 'after' });
  });
}

/** The memory of Redis; the settings are those of the hosts. */
export function memoryOfRedis(env: Settings): Space {
  const ask = async ({ redis }: System, command: string) => (await redis?.ask(command)) ?? '';
  const everyHost = ({ hosts }: System, isFull: 0 | 1) =>
    eventually(async () => {
      for (const { adminUrl } of hosts)
        expect(await (await fetch(`${adminUrl}/metrics`)).text()).toMatch(
          new RegExp(`^roomcast_store_nearly_full(?:\\{.*\\})? ${isFull}$`, 'm'),
        );
    });
  return {
    warning: 'Redis uses more than 85 % of its maxmemory',
    async fill(system) {
      // Beside this, what connections take and give back is little.
      await ask(system, `SETRANGE ballast ${32 * MIB} x`);
      const used = Number(/used_memory:(\d+)/.exec(await ask(system, 'INFO memory'))?.[1]);
      await ask(system, `CONFIG SET maxmemory ${Math.round(used / 0.9)}`);
      await everyHost(system, 1);
    },
    async relieve(system) {
      await ask(system, 'CONFIG SET maxmemory 0');
      await ask(system, 'DEL ballast');
      await everyHost(system, 0);
    },
    // The primaries that run look once a minute.
    async hostThatLooked({ redis }) {
      const host = await startHost({ workers: 1, redisUrl: redis?.url ?? '', env });
      onTestFinished(async () => {
        await host.stop();
        await host.remove();
      });
      return host;
    },
  };
}

const FREE_SPACE_MODULE = new URL('../support/free-space.mjs', import.meta.url).href;

/**
 * The disk of an embedded system that has these settings. A file tells how much of it is free: at first so little that the primary
 * warns, and enough for everybody.
 */
export function freeDiskSpace(): Space & { readonly env: Settings } {
  const folder = mkdtempSync(join(tmpdir(), 'roomcast-space-'));
  const file = join(folder, 'free');
  const leave = (mib: number) => {
    // A process that looks meanwhile finds a whole number.
    writeFileSync(`${file}.new`, String(mib * MIB));
    renameSync(`${file}.new`, file);
  };
  leave(900);
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return {
    env: { NODE_OPTIONS: `--import=${FREE_SPACE_MODULE}`, FREE_SPACE_FILE: file },
    warning: 'has less than 1 GiB of free space; below 256 MiB rooms that never had a message',
    fill: async () => leave(255),
    relieve: async () => leave(320),
    hostThatLooked: async ({ hosts }) => hosts[0] as Host,
  };
}
