import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Bye } from '../../src/protocol/events.ts';
import type { Announcement, PushMessage, ReceiveMessage } from '../../src/protocol/people.ts';
import { eventually } from '../support/eventually.ts';
import { systemFixture } from '../support/fixture.ts';
import type { Member } from '../support/member.ts';
import { openNginx } from '../support/nginx-server.ts';
import { freePorts } from '../support/ports.ts';
import { MODES, type System, startSystem } from '../support/system.ts';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

type Json = Readonly<Record<string, unknown>>;
type Receipts = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

async function askAs(url: string, body?: unknown, headers: Readonly<Record<string, string>> = {}) {
  const sent = { method: 'POST', body: JSON.stringify(body) };
  const response = await fetch(url, {
    ...(body === undefined ? {} : sent),
    headers: { 'Content-Type': 'application/json', ...headers },
  });
  const text = await response.text();
  return { status: response.status, text, json: (text.startsWith('{') ? JSON.parse(text) : {}) as Json };
}

describe.each(MODES)('the HTTP API, %s', (mode) => {
  const stage = systemFixture(mode, { RATE_SAY: '0', NAMESPACES: '/,/post' }, { workersEach: 1 });
  const { at, worker, fresh, connect, device, enter } = stage;
  const ask = (url: string, body?: unknown, headers = {}) =>
    askAs(url, body, { ...stage.system.keyHeader, ...headers });
  function all<T>(member: Member, event: string): T[] {
    return member.heard.filter((one) => one.event === event).map(({ data }) => data as T);
  }
  async function receiptsOf(id: unknown): Promise<Receipts> {
    const { status, json } = await ask(`${at(1)}/api/v1/push/${id}`);
    expect(status).toBe(200);
    return json.users as Receipts;
  }

  it('pushes to 1,000 users at once, with true reach and receipts', async () => {
    const users = Array.from({ length: 1_000 }, (_, n) => `${mode}-u${n}`);
    // Half of them are there, every tenth of these twice, on different workers.
    const owners = users.slice(0, 500).flatMap((user, n) => (n % 10 === 0 ? [user, user] : [user]));
    const live = await Promise.all(owners.map((user, n) => device(worker(n), user)));
    await eventually(async () => {
      expect((await stage.system.clientsByWorker()).every((clients) => clients > 0)).toBe(true);
    });
    const { status, json } = await ask(`${at(0)}/api/v1/push`, { users, entityType: 'like', data: { n: 1 } });
    expect(status).toBe(200);
    const count = (user: string) => owners.filter((owner) => owner === user).length;
    expect(json.reach).toEqual(
      Object.fromEntries(users.map((user) => [user, { live: count(user), stored: true }])),
    );
    const wanted = [{ entityType: 'like', data: { n: 1 }, id: json.id, seq: 1 }];
    for (const member of live) {
      await eventually(() => expect(all<ReceiveMessage>(member, 'receive_message')).toEqual(wanted));
    }
    const states = (receipts: Receipts) => users.map((user) => receipts[user]?.state);
    await eventually(async () => {
      const sent = users.map((user) => (count(user) > 0 ? 'sent' : 'queued'));
      expect(states(await receiptsOf(json.id))).toEqual(sent);
    });

    await live[0]?.do('inbox:ack', { recv: 1 });
    await live.at(-1)?.do('inbox:ack', { read: 1 });
    const late = await device(at(2), users[999] as string);
    await eventually(() => expect(all<PushMessage>(late, 'push_message')).toHaveLength(1));
    expect(all<PushMessage>(late, 'push_message')[0]?.unread).toMatchObject([
      { id: json.id, kind: 'push', entityType: 'like', data: { n: 1 } },
    ]);
    await eventually(async () => {
      const receipts = await receiptsOf(json.id);
      expect([users[0], users[499], users[999], users[500]].map((user) => receipts[user as string])).toEqual([
        {
          state: 'delivered',
          queuedAt: expect.any(Number),
          sentAt: expect.any(Number),
          deliveredAt: expect.any(Number),
        },
        {
          state: 'read',
          queuedAt: expect.any(Number),
          sentAt: expect.any(Number),
          deliveredAt: expect.any(Number),
          readAt: expect.any(Number),
        },
        { state: 'sent', queuedAt: expect.any(Number), sentAt: expect.any(Number) },
        { state: 'queued', queuedAt: expect.any(Number) },
      ]);
    });
  });

  it('runs a batch, and leaves the connection out of a message that is named in except', async () => {
    const room = fresh('room');
    const [ann, bob] = [await enter(at(0), room, 'Ann'), await enter(at(1), room, 'Bob')];
    const path = `/api/v1/rooms/${room}/messages`;
    const { status, json } = await ask(`${at(2)}/api/v1/batch`, {
      requests: [
        { method: 'POST', path, body: { text: 'one', except: ann.hello.clientId } },
        { method: 'POST', path, body: { data: { two: 2 } } },
        { method: 'POST', path, body: { text: 'three', except: 'not a socket' } },
        { method: 'GET', path },
      ],
    });
    const results = json.results as { status: number; body: { messages?: { seq: number }[] } }[];
    expect([status, ...results.map((result) => result.status)]).toEqual([200, 200, 200, 400, 200]);
    expect(results[2]?.body).toEqual({
      error: { code: 'bad_request', message: 'except: must be a socket id', temporary: false },
    });
    expect(results[3]?.body.messages?.map(({ seq }) => seq)).toEqual([1, 2]);
    await eventually(() => expect(bob.said.map(({ data }) => data.text)).toEqual(['one', '']));
    await eventually(() => expect(ann.said.map(({ data }) => data.data)).toEqual([{ two: 2 }]));
  });

  it('sends a push once per Idempotency-Key, on all workers and hosts', async () => {
    const ann = fresh('Ann');
    const member = await device(at(0), ann);
    const key = { 'Idempotency-Key': fresh('key') };
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, n) => ask(`${at(n)}/api/v1/push`, { users: [ann], data: 'once' }, key)),
    );
    expect(new Set(answers.map(({ status, json }) => `${status} ${json.id}`)).size).toBe(1);
    expect((await ask(`${at(1)}/api/v1/push`, { users: [ann], data: 'fence' })).status).toBe(200);
    await eventually(() => {
      const data = all<ReceiveMessage>(member, 'receive_message').map((message) => message.data);
      expect(data).toEqual(['once', 'fence']);
    });
    const other = await ask(`${at(1)}/api/v1/push`, { users: [ann], data: 'other' }, key);
    expect(other).toMatchObject({ status: 400, json: { error: { code: 'bad_request' } } });
  });

  it('sends messages to a room, in one order with those of its members', async () => {
    const roomid = fresh('room');
    const path = `/api/v1/rooms/${encodeURIComponent(roomid)}/messages`;
    const [ann, bob] = [await enter(at(0), roomid, 'Ann'), await enter(at(1), roomid, 'Bob')];
    await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        n % 2 === 0
          ? ann.do('say', { text: `${n}`, roomid })
          : ask(`${at(n)}${path}`, { text: `${n}`, from: 'Bot', clientMsgId: `c${n}` }),
      ),
    );
    const again = await ask(`${at(1)}${path}`, { text: '1', clientMsgId: 'c1' });
    expect(again.json).toMatchObject({ roomid, dup: true });
    for (const { said } of [ann, bob]) await eventually(() => expect(said).toHaveLength(20));
    expect(bob.said).toEqual(ann.said);
    expect(ann.said.map(({ seq }) => seq)).toEqual(Array.from({ length: 20 }, (_, n) => n + 1));
    const bot = ann.said.find(({ clientMsgId }) => clientMsgId === 'c1');
    expect(bot?.data).toEqual({ username: 'Bot', userId: 'roomcast', text: '1', type: 0 });
    for (const { from, data } of ann.said) expect(from).toBe(data.username === 'Bot' ? 'service' : undefined);
    expect((await ask(`${at(2)}${path}`)).json).toMatchObject({ top: 20, more: false, messages: ann.said });
    const page = await ask(`${at(2)}${path}?after=5&limit=3`);
    expect(page.json).toMatchObject({ more: true, messages: ann.said.slice(5, 8) });
    expect((await ask(`${at(2)}${path}?ns=/post`)).json).toMatchObject({ top: 0, messages: [] });
  });

  it('announces to everybody of a namespace, and live to some rooms, to each connection once', async () => {
    const [one, two, three] = [fresh('one'), fresh('two'), fresh('three')];
    const inBoth = await enter(at(0), one, 'Both');
    await inBoth.do('join', { roomid: two });
    const inTwo = await enter(at(1), two, 'Two');
    const inThree = await enter(at(2), three, 'Three');
    const inPost = await connect(`${at(0)}/post`, { query: { roomid: one, username: 'Post' } });
    const some = await ask(`${at(1)}/api/v1/announce`, { data: { to: 'some' }, rooms: [one, two, one] });
    expect(some.json).toEqual({ id: expect.any(String), at: expect.any(Number), rooms: 2 });
    const { id, at: when } = some.json;
    const announcements = (member: Member) => all<Announcement>(member, 'announcement');
    for (const member of [inBoth, inTwo]) {
      await eventually(() => expect(announcements(member)).toEqual([{ id, at: when, data: { to: 'some' } }]));
    }
    const every = await ask(`${at(2)}/api/v1/announce`, { data: 'all' });
    expect(every.json).toEqual({ id: expect.any(String), seq: expect.any(Number), at: expect.any(Number) });
    for (const member of [inBoth, inTwo, inThree]) {
      await eventually(() => expect(announcements(member).at(-1)).toEqual({ ...every.json, data: 'all' }));
    }
    expect([inBoth, inTwo, inThree].map((member) => announcements(member).length)).toEqual([2, 2, 1]);
    expect((await ask(`${at(2)}/api/v1/announce?ns=/post`, { data: 'post' })).status).toBe(200);
    await eventually(() => expect(announcements(inPost).map(({ data }) => data)).toEqual(['post']));
  });

  it('returns presence, the same on every worker', async () => {
    const roomid = fresh('room');
    const [ann, bob] = [fresh('Ann'), fresh('Bob')];
    const devices = await Promise.all([ann, ann, bob].map((user, n) => device(at(n), user)));
    for (const [n, member] of devices.entries()) {
      await member.do('join', { roomid, username: n < 2 ? 'Ann' : 'Bob', avatar: '1.jpg' });
    }
    await devices[0]?.do('say', { roomid, text: 'Hi' });
    await ask(`${at(0)}/api`, { tokens: [ann], data: 1 });
    await devices[0]?.do('inbox:ack', { recv: 1 });
    const path = `/api/v1/rooms/${encodeURIComponent(roomid)}`;
    for (const url of stage.system.workerUrls) {
      const { json: room } = await ask(url + path);
      expect(room).toEqual({ roomid, users: 2, clients: 3, epoch: expect.any(String), top: 1 });
      const { json: people } = await ask(`${url}${path}/members?limit=1`);
      const there = { avatar: '1.jpg', state: 'online', seenAt: expect.any(Number) };
      const listed = [{ userId: ann, username: 'Ann', clients: 2, ...there }];
      expect(people).toEqual({ users: 2, clients: 3, members: listed, next: expect.any(String) });
      const { json: rest } = await ask(
        `${url}${path}/members?after=${encodeURIComponent(String(people.next))}`,
      );
      expect(rest).toEqual({
        users: 2,
        clients: 3,
        members: [{ userId: bob, username: 'Bob', clients: 1, ...there }],
      });
      const { json: user } = await ask(`${url}/api/v1/users/${encodeURIComponent(ann)}`);
      expect(user).toEqual({
        userId: ann,
        connections: 2,
        online: true,
        inbox: { top: expect.any(Number), recvSeq: expect.any(Number), readSeq: 0 },
      });
      expect((user.inbox as Json).recvSeq).toBeGreaterThanOrEqual(1);
      const rooms: unknown[] = [];
      for (let next: unknown = ''; next !== undefined; ) {
        const after = next === '' ? '' : `&after=${encodeURIComponent(String(next))}`;
        const { json } = await ask(`${url}/api/v1/rooms?limit=2${after}`);
        rooms.push(...(json.rooms as unknown[]));
        next = json.next;
      }
      expect(rooms).toContainEqual({ roomid, users: 2, clients: 3 });
      expect((await ask(`${url}/api/v1/rooms?ns=/post`)).json).not.toMatchObject({
        rooms: expect.arrayContaining([expect.objectContaining({ roomid })]),
      });
    }
  });

  it('lists rooms with messages and nobody in them, page by page from any worker', async () => {
    const [empty, occupied, silent] = [fresh('empty'), fresh('occupied'), fresh('silent')];
    for (const roomid of [empty, occupied])
      expect((await ask(`${at(0)}/api/v1/rooms/${roomid}/messages`, { text: 'Hi' })).status).toBe(200);
    for (const roomid of [occupied, silent]) await enter(at(0), roomid, 'Ann');
    await ask(`${at(0)}/api/v1/rooms/${fresh('elsewhere')}/messages?ns=/post`, { text: 'Hi' });
    const listed = new Map<string, Json>();
    let after = '';
    for (let page = 0; page === 0 || after !== ''; page += 1) {
      const { status, json } = await ask(`${at(page)}/api/v1/rooms?all=1&limit=200${after}`);
      expect(status).toBe(200);
      for (const room of json.rooms as Json[]) listed.set(String(room.roomid), room);
      after = json.next === undefined ? '' : `&after=${encodeURIComponent(String(json.next))}`;
    }
    expect(listed.get(empty)).toEqual({ roomid: empty, users: 0, clients: 0 });
    for (const roomid of [occupied, silent])
      expect(listed.get(roomid)).toEqual({ roomid, users: 1, clients: 1 });
    expect([...listed.keys()].filter((roomid) => roomid.startsWith('elsewhere'))).toEqual([]);
  });

  it('closes every connection of a user, on all workers of all hosts, and stock clients stay away', async () => {
    const [ann, bob] = [fresh('Ann'), fresh('Bob')];
    const reconnecting = { reconnection: true, reconnectionDelay: 20, reconnectionDelayMax: 50 };
    const transports = [['websocket'], ['polling'], ['polling', 'websocket']];
    const anns = await Promise.all(
      stage.system.workerUrls.flatMap((url) =>
        transports.map((way) => device(url, ann, { ...reconnecting, transports: way })),
      ),
    );
    const others = await Promise.all(stage.system.workerUrls.map((url) => device(url, bob, reconnecting)));
    const inPost = await device(`${at(0)}/post`, ann, reconnecting);
    const reasons: string[] = [];
    for (const { socket } of anns) socket.on('disconnect', (reason) => void reasons.push(reason));
    const answer = await ask(`${at(1)}/api/v1/users/${encodeURIComponent(ann)}/disconnect`, {});
    expect([answer.status, answer.json]).toEqual([200, { connections: anns.length }]);
    await eventually(() => expect(reasons).toHaveLength(anns.length));
    expect(new Set(reasons)).toEqual(new Set(['io server disconnect']));
    for (const member of anns) {
      const byes = all<Bye>(member, 'bye');
      expect(byes).toEqual([{ code: 3503, reason: expect.any(String), reconnect: false, afterMs: 0 }]);
      // Nothing will bring it back by itself.
      expect([member.socket.connected, member.socket.active]).toEqual([false, false]);
    }
    for (const member of [...others, inPost]) {
      expect([member.socket.connected, all(member, 'bye')]).toEqual([true, []]);
    }
    await eventually(async () => {
      const { json } = await ask(`${at(0)}/api/v1/users/${encodeURIComponent(ann)}`);
      expect(json).toMatchObject({ connections: 0, online: false });
    });
    const none = await ask(`${at(0)}/api/v1/users/${encodeURIComponent(ann)}/disconnect`, {});
    expect(none.json).toEqual({ connections: 0 });
  });

  it('closes no connection at the request of another client', async () => {
    const [ann, eve] = [await device(at(0), fresh('Ann')), await device(at(1), fresh('Eve'))];
    const refused = await eve.ask('user:disconnect' as never, ann.hello.user.id as never);
    expect(refused).toMatchObject({ ok: false, error: { code: 'bad_request' } });
    await ask(`${at(0)}/api`, { tokens: [ann.hello.user.id], data: 'fence' });
    await eventually(() => expect(all(ann, 'receive_message')).toHaveLength(1));
    expect([ann.socket.connected, all(ann, 'bye')]).toEqual([true, []]);
  });

  it('without API_KEYS requires the key in DATA_DIR/api-key, equal on all hosts, from local programs too', async () => {
    const nginx = await openBehindNginx(stage.system);
    // All that nginx's own sample of a WebSocket proxy says of a client: `Host: 127.0.0.1`.
    const samplePort = await freePorts(1);
    const sample = await openNginx(
      `pid /run/nginx.pid;\nerror_log /var/log/nginx/error.log;\nevents {}\nhttp {\nserver { listen 127.0.0.1:${samplePort}; location / { proxy_pass ${worker(0)}; proxy_http_version 1.1; proxy_set_header Host 127.0.0.1; } }\n}`,
    );
    try {
      for (const { dataDir, apiKey } of stage.system.hosts) {
        expect((await stat(join(dataDir, 'api-key'))).mode & 0o777).toBe(0o600);
        expect([apiKey, apiKey.length]).toEqual([stage.system.keyHeader['x-api-key'], 43]);
      }
      for (const url of [...stage.system.entrances, nginx.url, `http://127.0.0.1:${samplePort}`]) {
        for (const path of ['/api/v1/rooms', '/api/v1/openapi.json', '/api/v1/nothing', '/metrics']) {
          expect([path, (await askAs(url + path)).status]).toEqual([path, 401]);
          expect([path, (await ask(url + path)).status]).toEqual([
            path,
            path.endsWith('nothing') ? 404 : 200,
          ]);
        }
        const ann = fresh('Ann');
        for (const path of ['/api', '/api/v1/push', '/api/v1/announce']) {
          const body = { tokens: [ann], users: [ann], data: 1 };
          expect(await askAs(url + path, body)).toMatchObject({
            status: 401,
            json: { error: { code: 'unauthorized' } },
          });
        }
        expect((await ask(`${url}/api/v1/users/${encodeURIComponent(ann)}`)).json).toMatchObject({
          inbox: { top: 0 },
        });
        expect((await askAs(`${url}/api`)).text).toBe('.');
      }
      for (const { output, apiKey } of stage.system.hosts) expect(output().stderr).not.toContain(apiKey);
    } finally {
      await Promise.all([nginx.close(), sample.close()]);
    }
  });
});

describe('the HTTP API with API_KEYS', () => {
  const [KEY, OTHER] = ['a-key-of-the-back-end', 'another-key-of-the-back-end'];

  it.each(MODES)('requires one of them everywhere, from local programs too, %s', async (mode) => {
    const system = await startSystem(mode, { API_KEYS: `${KEY},${OTHER}` });
    const nginx = await openBehindNginx(system);
    try {
      for (const url of [...system.entrances, nginx.url]) {
        for (const path of ['/api/v1/rooms', '/api/v1/nothing', '/metrics']) {
          for (const headers of [
            {},
            { 'X-API-Key': `${KEY},${OTHER}` },
            { Authorization: `Bearer ${KEY}x` },
          ] as const) {
            const refused = await askAs(url + path, undefined, headers as Record<string, string>);
            expect(refused).toMatchObject({ status: 401, json: { error: { code: 'unauthorized' } } });
          }
          const status = path.endsWith('nothing') ? 404 : 200;
          expect((await askAs(url + path, undefined, { 'X-API-Key': OTHER })).status).toBe(status);
          expect((await askAs(url + path, undefined, { Authorization: `Bearer ${KEY}` })).status).toBe(
            status,
          );
        }
        expect((await askAs(`${url}/api`, { tokens: ['Ann'] })).status).toBe(401);
        const pushed = await askAs(`${url}/api`, { tokens: ['Ann'], data: 1 }, { 'X-API-Key': KEY });
        expect(pushed.json).toMatchObject({ responseCode: 0, reach: { Ann: { live: 0, stored: true } } });
        expect((await askAs(`${url}/api`)).text).toBe('.');
      }
      const logs = system.hosts.map((host) => host.output().stderr).join('');
      expect(logs).toContain('/api');
      for (const key of [KEY, OTHER]) expect(logs).not.toContain(key);
    } finally {
      await nginx.close();
      await system.stop();
    }
  });
});

/** The system behind an nginx as `roomcast nginx` sets it up. */
async function openBehindNginx(system: System): Promise<{ url: string; close(): Promise<void> }> {
  const port = await freePorts(1);
  const hosts = system.hosts.map(({ basePort }) => `127.0.0.1:${basePort}x2`).join(',');
  const args = [MAIN, 'nginx', '--hosts', hosts, '--listen', `127.0.0.1:${port}`];
  const nginx = await openNginx((await promisify(execFile)(process.execPath, args)).stdout);
  return { url: `http://127.0.0.1:${port}`, close: nginx.close };
}
