import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchBrowser, type Visitor, visit } from '../browser/visitor.ts';
import { startHost } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { openNginx } from '../support/nginx-server.ts';
import { freePorts } from '../support/ports.ts';
import { openRedis } from '../support/redis-server.ts';
import { MODES } from '../support/system.ts';
import { connectWith, LIBRARIES, type Library, type SeedClient } from './libraries.ts';
import { seedStage } from './stage.ts';

const [MODERN, LEGACY] = LIBRARIES as [Library, Library];
const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

interface Message {
  readonly event: string;
  readonly roomid: string;
  readonly seq?: number;
  readonly clientMsgId?: string;
  readonly data: { readonly username: string; readonly userId: string; readonly text?: string };
}

const messages = (client: SeedClient, event: string) =>
  client.all<Message>('message').filter((message) => message.event === event);
const texts = (client: SeedClient) => messages(client, 'broadcast_say').map(({ data }) => data.text);

describe.each(MODES)('S3, rooms on many processes, %s', (mode) => {
  const stage = seedStage(mode, {}, 2);
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser?.close();
  });

  const workers = async () =>
    (await Promise.all(stage.system.hosts.map((host) => host.status()))).flatMap((status) => status.workers);
  const sum = (numbers: readonly number[]) => numbers.reduce((total, n) => total + n, 0);
  const clientsNow = async () => sum(await stage.system.clientsByWorker());
  /** Channels that anybody listens to in Redis, by either kind of publish/subscribe. */
  async function channels(): Promise<string[]> {
    const replies = await Promise.all(
      ['PUBSUB CHANNELS', 'PUBSUB SHARDCHANNELS'].map((command) => stage.system.redis?.ask(command) ?? ''),
    );
    return replies.flatMap((reply) => reply.split('\r\n').filter((line) => /^[^*$]/.test(line)));
  }

  describe.each(LIBRARIES)('$name', (library) => {
    it('row 26: /status counts the connections of all workers, and the log says socket server connectnum:N', async () => {
      await eventually(async () => expect(await clientsNow()).toBe(0));
      const clients: SeedClient[] = [];
      for (let index = 0; index < 4; index += 1) clients.push(await stage.visit(library, index));
      await eventually(async () => {
        for (const host of stage.system.hosts) expect((await host.status()).cluster.clients).toBe(4);
        expect(await clientsNow()).toBe(4);
      });
      clients.pop()?.close();
      await eventually(async () => expect(await clientsNow()).toBe(3));
      const log = stage.system.hosts.map((host) => host.output().stderr).join('\n');
      expect(log).toMatch(/socket server connectnum:\d/);
    });

    it('row 27: ?roomid= is the room of the connection, joined at once with a name', async () => {
      const roomid = stage.fresh('k12_webcourse_room_1');
      const named = await stage.enter(library, 0, roomid, 'Ann');
      expect(named.all('joined')).toMatchObject([{ roomid, users: 1, seq: 0 }]);
      const unnamed = await stage.visit(library, 1, { query: { roomid } });
      expect(unnamed.all('joined')).toEqual([]);
      expect(await unnamed.do('join', { username: 'Bob' })).toMatchObject({ roomid, users: 2 });
    });

    it('row 28: join {username} tells the room by message {event: join}, over one subscription of each worker', async () => {
      const roomid = stage.fresh('joining');
      const before = await channels();
      const watcher = await stage.enter(library, 0, roomid, 'Watcher');
      const ann = await stage.visit(library, 1, { query: { roomid } });
      expect(await ann.do('join', { username: 'Ann' })).toMatchObject({ roomid, users: 2, clients: 2 });
      await eventually(() =>
        expect(messages(watcher, 'join')).toContainEqual({
          event: 'join',
          roomid,
          data: { username: 'Ann', userId: ann.hello.user.id },
        }),
      );
      // Whoever comes to a worker that has members of the room already costs Redis nothing.
      await stage.enter(library, 1, roomid, 'Ben');
      const { redis } = stage.system;
      if (!redis) return;
      const added = (await channels()).filter((channel) => !before.includes(channel));
      const replies = await Promise.all(added.map((channel) => redis.ask(`PUBSUB SHARDNUMSUB ${channel}`)));
      const subscribers = replies.map((reply) => Number(/^:(\d+)/m.exec(reply)?.[1]));
      expect(Math.max(...subscribers)).toBe(2);
    });

    it('row 29: say {text, type, username} is stored and told as broadcast_say under the name the server holds', async () => {
      const roomid = stage.fresh('saying');
      const ann = await stage.enter(library, 0, roomid, 'Ann');
      const bob = await stage.enter(library, 1, roomid, 'Bob');
      expect(await ann.do('say', { text: 'hello', type: 0, username: 'Bob' })).toMatchObject({
        roomid,
        seq: 1,
        id: expect.any(String),
      });
      for (const client of [ann, bob]) {
        await eventually(() => expect(messages(client, 'broadcast_say')).toHaveLength(1));
        expect(messages(client, 'broadcast_say')[0]).toMatchObject({
          roomid,
          seq: 1,
          data: { username: 'Ann', userId: ann.hello.user.id, text: 'hello', type: 0 },
        });
      }
    });

    it('row 31: message {event, data} is the one event, the same in the same order for every connection of the room', async () => {
      const roomid = stage.fresh('order');
      const count = stage.system.entrances.length;
      const clients: SeedClient[] = [];
      for (let index = 0; index < count; index += 1) {
        clients.push(await stage.enter(library, index, roomid, `p${index}`));
      }
      expect(new Set(clients.map(({ hello }) => hello.worker)).size).toBeGreaterThan(1);
      await Promise.all(
        clients.map(async (client, index) => {
          for (let n = 0; n < 10; n += 1) await client.do('say', { text: `${index} ${n}` });
        }),
      );
      const orders = await Promise.all(
        clients.map((client) =>
          eventually(() => {
            expect(texts(client)).toHaveLength(10 * count);
            return texts(client).join();
          }),
        ),
      );
      expect(new Set(orders).size).toBe(1);
      const [first] = clients as [SeedClient];
      expect(messages(first, 'broadcast_say').map(({ seq }) => seq)).toEqual(
        Array.from({ length: 10 * count }, (_, n) => n + 1),
      );
      const events = new Set(first.all<Message>('message').map(({ event }) => event));
      expect([...events].every((event) => ['join', 'broadcast_say', 'broadcast_quit'].includes(event))).toBe(
        true,
      );
    });

    it('defect (a): a say before the join is answered not_joined, and the worker lives on', async () => {
      const pids = (await workers()).map(({ pid }) => pid);
      const roomid = stage.fresh('early');
      for (const index of stage.system.workerUrls.keys()) {
        const client = await stage.visit(library, index, { query: { roomid } });
        client.send('say', { text: 'no ack' });
        client.send('say');
        expect(await client.ask('say', { text: 'too early' })).toMatchObject({
          ok: false,
          error: { code: 'not_joined', temporary: false },
        });
        await eventually(() => expect(client.all('refused')).toHaveLength(2));
        await client.do('join', { username: 'Ann' });
        await client.do('say', { text: 'now' });
      }
      expect((await workers()).map(({ pid }) => pid)).toEqual(pids);
    });

    it('defect (b): counts are true after joins twice and disconnects without one, and never below 0', async () => {
      const roomid = stage.fresh('counting');
      await eventually(async () => expect(await clientsNow()).toBe(0));
      const ann = await stage.enter(library, 0, roomid, 'Ann');
      for (let time = 0; time < 3; time += 1) {
        expect(await ann.do('join', { username: 'Ann' })).toMatchObject({ users: 1, clients: 1 });
      }
      for (let n = 0; n < 5; n += 1) (await stage.visit(library, n)).close();
      const bob = await stage.enter(library, 1, roomid, 'Bob');
      await bob.do('leave');
      expect(await bob.ask('leave')).toMatchObject({ error: { code: 'not_joined' } });
      expect(await ann.do('join')).toMatchObject({ users: 1, clients: 1 });
      await eventually(async () => expect(await clientsNow()).toBe(2));
      for (const client of [ann, bob]) client.close();
      await eventually(async () => expect(await clientsNow()).toBe(0));
      const log = stage.system.hosts.map((host) => host.output().stderr).join('\n');
      expect(log).toContain('connectnum:');
      expect(log).not.toContain('connectnum:-');
    });

    it('defect (d): no key or channel is a bare roomid, and who names no room is in lobby and not in undefined', async () => {
      const roomid = stage.fresh('bare');
      const nameless = await stage.visit(library, 0);
      expect(await nameless.do('join', { username: 'Ann' })).toMatchObject({ roomid: 'lobby' });
      const empty = await stage.visit(library, 0, { query: { roomid: '' } });
      expect(await empty.do('join', { username: 'Zoe' })).toMatchObject({ roomid: 'lobby' });
      const there = await stage.enter(library, 1, 'undefined', 'Bob');
      const named = await stage.enter(library, 1, roomid, 'Carl');
      await there.do('say', { text: 'in undefined' });
      await named.do('say', { text: 'in a room' });
      await nameless.do('say', { text: 'in the lobby' });
      await eventually(() => {
        expect(texts(there)).toEqual(['in undefined']);
        expect(texts(nameless)).toEqual(['in the lobby']);
      });
      const { redis } = stage.system;
      if (!redis) return;
      const keys = (await redis.ask('KEYS *')).split('\r\n').filter((line) => /^[^*$]/.test(line));
      const names = [...keys, ...(await channels())];
      expect(names.length).toBeGreaterThan(3);
      for (const name of names) {
        expect(name).toMatch(/^\{?rc/);
        expect(name).not.toContain(roomid);
      }
    });

    it('defect (e): two namesakes see each other, and a second tab sees what the first one says', async () => {
      const roomid = stage.fresh('namesakes');
      const kims = [
        await stage.enter(library, 0, roomid, 'Kim'),
        await stage.enter(library, 1, roomid, 'Kim'),
      ];
      const [one, two] = kims as [SeedClient, SeedClient];
      await one.do('say', { text: 'I am Kim', clientMsgId: 'one-1' });
      await two.do('say', { text: 'So am I', clientMsgId: 'two-1' });
      const user = stage.fresh('Ann');
      const tabs: SeedClient[] = [];
      for (const index of [0, 1]) {
        const tab = await stage.login(library, index, user);
        await tab.do('join', { roomid, history: 0 });
        tabs.push(tab);
      }
      await tabs[0]?.do('say', { roomid, text: 'from a tab', clientMsgId: 'tab-1' });
      await eventually(() => {
        for (const kim of kims) expect(texts(kim)).toEqual(['I am Kim', 'So am I', 'from a tab']);
        for (const tab of tabs) expect(texts(tab)).toEqual(['from a tab']);
      });
      // What is one's own is told by the user's id and the message's, not by the name.
      const heard = messages(two, 'broadcast_say');
      expect(heard.map(({ data }) => data.userId)).toEqual([one.hello.user.id, two.hello.user.id, user]);
      expect(heard.map(({ clientMsgId }) => clientMsgId)).toEqual(['one-1', 'two-1', 'tab-1']);
    });
  });

  it('row 30: a disconnect is told as broadcast_quit, once, whatever library the leaver uses', async () => {
    const roomid = stage.fresh('quitting');
    const ann = await stage.enter(MODERN, 0, roomid, 'Ann');
    const leavers: SeedClient[] = [];
    for (const [index, library] of LIBRARIES.entries()) {
      leavers.push(await stage.enter(library, index, roomid, `Bob ${index}`));
    }
    for (const leaver of leavers) leaver.close();
    const quits = () => messages(ann, 'broadcast_quit').map(({ data }) => data);
    const wanted = leavers.map(({ hello }) => ({ username: hello.user.name, userId: hello.user.id }));
    await eventually(() => expect(quits()).toHaveLength(2));
    expect(await ann.do('join')).toMatchObject({ users: 1, clients: 1 });
    expect(new Set(quits())).toEqual(new Set(wanted));
  });

  it('defect (c): a room without members leaves no subscription and no entry of a worker behind', async () => {
    const roomsHeld = async () => sum((await workers()).map(({ rooms }) => rooms));
    const resident = await stage.enter(MODERN, 0, stage.fresh('stays'), 'Ann');
    await eventually(async () => expect(await roomsHeld()).toBe(1));
    const before = await channels();
    const guests = await Promise.all(
      [MODERN, LEGACY, MODERN].map((library, index) => stage.visit(library, index)),
    );
    for (const guest of guests) {
      for (let n = 0; n < 10; n += 1) await guest.do('join', { roomid: stage.fresh('goes'), username: 'G' });
    }
    await eventually(async () => expect(await roomsHeld()).toBe(31));
    const added = (await channels()).filter((channel) => !before.includes(channel));
    expect(added.length).toBeGreaterThanOrEqual(mode === 'cluster' ? 30 : 0);
    for (const guest of guests) guest.close();
    await eventually(async () => {
      expect(await roomsHeld()).toBe(1);
      expect((await channels()).filter((channel) => added.includes(channel))).toEqual([]);
    });
    expect(resident.connected()).toBe(true);
  });

  it('row 31: clients of both libraries are in one room, and hear the same', async () => {
    const roomid = stage.fresh('mixed');
    const clients: SeedClient[] = [];
    for (const [index, library] of [...LIBRARIES, ...LIBRARIES].entries()) {
      clients.push(await stage.enter(library, index, roomid, `p${index}`));
    }
    for (const [index, client] of clients.entries()) await client.do('say', { text: `t${index}` });
    for (const client of clients) {
      await eventually(() => expect(texts(client)).toEqual(['t0', 't1', 't2', 't3']));
    }
  });

  it('row 25: a primary and its workers: BASE_PORT + i serves everything, each in a process of its own', async () => {
    const all = await workers();
    expect(new Set(all.map(({ pid }) => pid)).size).toBe(stage.system.workers);
    for (const host of stage.system.hosts) {
      const status = await host.status();
      expect(status.workers.map(({ slot, port }) => [slot, port])).toEqual([
        [0, host.basePort],
        [1, host.basePort + 1],
      ]);
      expect(status.primary.pid).toBe(host.pid);
    }
    for (const url of stage.system.workerUrls) {
      expect((await fetch(`${url}/healthz`)).status).toBe(200);
      expect((await fetch(url)).headers.get('content-type')).toContain('text/html');
    }
  });

  it('row 32: the page asks for room and nickname, tells who comes and goes, and tells own and others’ messages apart', async () => {
    const visitors: Visitor[] = [];
    const roomid = stage.fresh('page');
    try {
      for (const [index, name] of ['Ann', 'Ben'].entries()) {
        const visitor = await visit(browser, `${stage.system.workerUrls[index]}/`);
        visitors.push(visitor);
        await visitor.enter(name, roomid);
      }
      const [ann, ben] = visitors as [Visitor, Visitor];
      await ann.page.getByText('Ben joined').waitFor();
      await ann.page.getByLabel('Message', { exact: true }).fill('   ');
      expect(await ann.page.getByRole('button', { name: 'Send' }).isDisabled()).toBe(true);
      await ann.say('mine');
      // Drawn with the click, whatever the server does.
      expect(await ann.page.locator('.own .bubble').allTextContents()).toEqual(['mine']);
      await ben.page.locator('.theirs .bubble').getByText('mine').waitFor();
      await ben.say('yours');
      await ann.page.locator('.theirs .bubble').getByText('yours').waitFor();
      const [own, theirs] = await Promise.all(
        ['.said.own', '.said.theirs'].map((said) =>
          ann.page.locator(said).evaluate((row) => getComputedStyle(row).backgroundColor),
        ),
      );
      expect(own).not.toBe(theirs);
      await ann.page.locator('.theirs .avatar').waitFor({ state: 'attached' });
      await ben.leaveRoom();
      await ann.page.getByText('Ben left').waitFor();
      expect(visitors.flatMap(({ problems }) => problems)).toEqual([]);
    } finally {
      for (const visitor of visitors) await visitor.leave();
    }
  });
});

describe('S3, Redis with a password', () => {
  it('row 25: REDIS_URL has host, port and password', async () => {
    const redis = await openRedis(['--requirepass', 'sesame']);
    const redisUrl = `redis://:sesame@127.0.0.1:${redis.port}`;
    try {
      const host = await startHost({ redisUrl, workers: 1 });
      expect((await fetch(`${host.url}/readyz`)).status).toBe(200);
      expect(await host.stop()).toBe(0);
      expect(host.output().stderr).not.toContain('sesame');
      await host.remove();
    } finally {
      await redis.close();
    }
  });
});

const COMING_BACK = { reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 200 };

describe.each(MODES)('S3, a node is lost, %s', (mode) => {
  const stage = seedStage(mode);

  /** The entrance that stays when a node dies: nginx before two hosts, or the front door before two workers. */
  async function openEntrance(): Promise<{ url: string; close(): Promise<void> }> {
    const [host] = stage.system.hosts;
    if (mode === 'embedded') return { url: host?.url as string, close: async () => undefined };
    const port = await freePorts(1);
    const hosts = stage.system.hosts.map(({ basePort }) => `127.0.0.1:${basePort}x1`).join(',');
    const args = [MAIN, 'nginx', '--hosts', hosts, '--listen', `127.0.0.1:${port}`];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    for (const line of [
      'ip_hash',
      'Upgrade',
      'X-Forwarded-For',
      'proxy_http_version 1.1',
      'proxy_redirect off',
    ]) {
      expect(stdout).toContain(line);
    }
    const nginx = await openNginx(stdout);
    return { url: `http://127.0.0.1:${port}`, close: nginx.close };
  }

  const title = {
    embedded:
      'row 33: its clients come back through the front door to another worker, and go on where they were',
    cluster:
      'row 24 and row 33: the nginx of roomcast nginx (ip_hash) moves the clients of a dead host to the other, where they go on',
  }[mode];
  it(title, async () => {
    const entrance = await openEntrance();
    try {
      const roomid = stage.fresh('lost');
      const clients = await Promise.all(
        LIBRARIES.map((library) =>
          connectWith(library, entrance.url, { ...COMING_BACK, query: { roomid, username: 'Ann' } }),
        ),
      );
      const [ann, old] = clients as [SeedClient, SeedClient];
      // Both have been greeted. Who joins after the message has it in the page.
      for (const client of clients) await eventually(() => expect(client.all('joined')).toHaveLength(1));
      await ann.do('say', { text: 'before' });
      await eventually(() => expect(texts(old)).toEqual(['before']));
      const statuses = await eventually(async () => {
        const counts = await stage.system.clientsByWorker();
        expect(counts.reduce((total, n) => total + n, 0)).toBe(clients.length);
        return Promise.all(stage.system.hosts.map((host) => host.status()));
      });
      if (mode === 'cluster') {
        const serving = statuses.findIndex(({ workers }) => workers.some((worker) => worker.clients > 0));
        await stage.system.hosts[serving]?.kill9();
      } else {
        const serving = statuses[0]?.workers.filter((worker) => worker.clients > 0) ?? [];
        for (const { pid } of serving) process.kill(pid, 'SIGKILL');
      }
      for (const client of clients) {
        await eventually(() => expect(client.all('joined')).toHaveLength(2));
        const [, joined] = client.all<{ seq: number; messages: Message[] }>('joined');
        expect(joined?.messages.map(({ data }) => data.text)).toEqual(['before']);
      }
      await ann.do('say', { text: 'after' });
      for (const client of clients) {
        await eventually(() => expect(texts(client).at(-1)).toBe('after'));
        expect(texts(client)).toEqual(['before', 'after']);
        client.close();
      }
    } finally {
      await entrance.close();
    }
  });
});
