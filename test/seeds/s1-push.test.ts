import { describe, expect, it } from 'vitest';
import { startHost } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { openRedis } from '../support/redis-server.ts';
import { MODES } from '../support/system.ts';
import { LIBRARIES, type SeedClient } from './libraries.ts';
import { seedStage } from './stage.ts';

const received = (client: SeedClient) =>
  client.all<{ data: unknown }>('receive_message').map(({ data }) => data);

describe.each(MODES)('S1, push server, %s', (mode) => {
  const stage = seedStage(mode);

  /** The line that the log has for each call of the API that changes something. */
  const accessLines = () =>
    stage.system.hosts
      .flatMap((host) => host.output().stderr.trim().split('\n'))
      .filter((line) => line.includes('"/api'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);

  describe.each(LIBRARIES)('$name', (library) => {
    it('row 9: a back end posts {tokens, entityType, data} to POST /api, as JSON or urlencoded', async () => {
      const [one, two] = [stage.fresh('Ann'), stage.fresh('Bob')];
      const [ann, bob] = [await stage.login(library, 0, one), await stage.login(library, 1, two)];
      const done = { responseCode: 0, data: 'OK!' };
      const json = await stage.post('/api', { tokens: [one, two], entityType: 'like', data: 'json' });
      expect(json).toMatchObject({
        status: 200,
        json: { ...done, id: expect.any(String), reach: { [one]: { live: 1, stored: true } } },
      });
      const forms: [string, string][][] = [
        [['tokens', one]],
        [
          ['tokens', one],
          ['tokens', two],
        ],
        [
          ['tokens[]', one],
          ['tokens[]', two],
        ],
      ];
      for (const [index, tokens] of forms.entries()) {
        const form = new URLSearchParams([...tokens, ['entityType', 'like'], ['data', `form ${index}`]]);
        expect(await stage.post('/api', form, index)).toMatchObject({ status: 200, json: done });
      }
      await eventually(() => {
        expect(received(ann)).toEqual(['json', 'form 0', 'form 1', 'form 2']);
        expect(received(bob)).toEqual(['json', 'form 1', 'form 2']);
      });
      expect(await stage.post('/api', {})).toMatchObject({ status: 200, json: done });
      const nobody = stage.fresh('Nobody');
      const reached = await stage.post('/api', { tokens: [nobody], data: { kept: true } }, 1);
      expect(reached).toMatchObject({
        status: 200,
        json: { ...done, reach: { [nobody]: { live: 0, stored: true } } },
      });
    });

    it('row 10: receive_message {entityType, data} comes to every connection of each token, once', async () => {
      const [one, two] = [stage.fresh('Ann'), stage.fresh('Bob')];
      const anns = await Promise.all([0, 1, 2].map((index) => stage.login(library, index, one)));
      const bob = await stage.login(library, 1, two);
      const other = await stage.login(library, 0, stage.fresh('Carl'));
      const data = { who: 'Dan', post: 7, tags: ['a', null, { deep: true }], text: '<b>“é”</b>' };
      for (let n = 0; n < 5; n += 1) {
        await stage.post('/api', { tokens: [one, two], entityType: 'comment', data: { ...data, n } }, n);
      }
      for (const client of [...anns, bob]) {
        await eventually(() => expect(client.all('receive_message').length).toBeGreaterThanOrEqual(5));
        expect(client.all('receive_message')).toEqual(
          Array.from({ length: 5 }, (_, n) => ({
            entityType: 'comment',
            data: { ...data, n },
            id: expect.any(String),
            seq: n + 1,
          })),
        );
      }
      expect(other.all('receive_message')).toEqual([]);
    });

    it('row 11: user_login {userId, socketId, tokenId} adds a connection to the token, again and again; the last to go ends it', async () => {
      const [token, user] = [stage.fresh('token'), stage.fresh('Ann')];
      const live = async () => {
        const { json } = await stage.post('/api', { tokens: [token], data: 'count' }, 1);
        return (json.reach as Record<string, { live: number }>)[token]?.live;
      };
      const tabs: SeedClient[] = [];
      for (let index = 0; index < 3; index += 1) {
        const tab = await stage.visit(library, index);
        const login = { userId: user, socketId: tab.hello.clientId, tokenId: token };
        for (let time = 0; time < 2; time += 1) {
          expect(await tab.do('user_login', login)).toMatchObject({ user: { id: token } });
        }
        tabs.push(tab);
        expect(await live()).toBe(index + 1);
      }
      await eventually(() => expect(tabs.map((tab) => received(tab).length)).toEqual([3, 2, 1]));
      for (const [index, tab] of tabs.entries()) {
        tab.close();
        await eventually(async () => expect(await live()).toBe(2 - index));
      }
    });

    it('row 12: message {event: join} tells the others of a newcomer, and not the newcomer', async () => {
      const roomid = stage.fresh('feed');
      const ann = await stage.enter(library, 0, roomid, 'Ann');
      const bob = await stage.enter(library, 1, roomid, 'Bob');
      const newcomers = (client: SeedClient) =>
        client
          .all<{ event: string; data: { username: string } }>('message')
          .filter(({ event }) => event === 'join')
          .map(({ data }) => data.username);
      await eventually(() => expect(newcomers(ann)).toContain('Bob'));
      await bob.do('say', { text: 'fence' });
      await eventually(() => expect(ann.all('message').at(-1)).toMatchObject({ event: 'broadcast_say' }));
      expect(newcomers(ann).filter((name) => name === 'Bob')).toEqual(['Bob']);
    });

    it('row 15: with reconnectionAttempts the client comes back, says user_login on every connect, and misses nothing', async () => {
      const user = stage.fresh('Ann');
      const client = await stage.visit(library, 0, {
        reconnection: true,
        reconnectionAttempts: 10,
        reconnectionDelay: 50,
        reconnectionDelayMax: 100,
      });
      const store: unknown[] = [];
      client.on('receive_message', (message) => store.push((message as { data: unknown }).data));
      await client.do('user_login', { userId: user, tokenId: user });
      client.on('connect', () => client.send('user_login', { userId: user, tokenId: user }));
      await stage.post('/api', { tokens: [user], entityType: 'NEW_SOCKET_MSG', data: 'before' });
      await eventually(() => expect(store).toEqual(['before']));
      for (let round = 1; round <= 3; round += 1) {
        client.drop();
        await stage.post('/api', { tokens: [user], data: `away ${round}` }, 1);
        await eventually(() => expect(client.all('push_message')).toHaveLength(1 + round));
        const { unread } = client.all<{ unread: { data: unknown }[] }>('push_message').at(-1) ?? {
          unread: [],
        };
        const known = [...store, ...unread.map(({ data }) => data)];
        expect(known).toContain(`away ${round}`);
        await stage.post('/api', { tokens: [user], data: `live ${round}` }, 1);
        await eventually(() => expect(store.filter((data) => data === `live ${round}`)).toHaveLength(1));
      }
    });

    it('defect (h): one table for all workers and hosts, and a token is the same as a number and as a string', async () => {
      const token = String(Date.now()) + String(stage.fresh('7').length);
      const clients = await Promise.all(
        stage.system.workerUrls.map((_, index) =>
          stage.visit(library, index).then(async (client) => {
            // Half of them say a number.
            const tokenId = index % 2 === 0 ? Number(token) : token;
            expect(await client.do('user_login', { userId: 'any', tokenId })).toMatchObject({
              user: { id: token },
            });
            return client;
          }),
        ),
      );
      for (const index of stage.system.workerUrls.keys()) {
        const tokens = [index % 2 === 0 ? token : Number(token)];
        const { json } = await stage.post('/api', { tokens, data: index }, index);
        expect(json.reach).toEqual({ [token]: { live: clients.length, stored: true } });
      }
      const wanted = [...stage.system.workerUrls.keys()];
      for (const client of clients) await eventually(() => expect(received(client)).toEqual(wanted));
    });
  });

  it('row 13: GET /api answers ., GET / the page with its files, and each call that changes something is a line of the log', async () => {
    const page = await stage.get('/');
    expect([page.status, page.text]).toEqual([200, expect.stringContaining('<title>')]);
    const assets = page.text.match(/(?<=")\/assets\/[^"]+/g) ?? [];
    expect(assets.length).toBeGreaterThan(0);
    for (const asset of assets) expect((await stage.get(asset, 1)).status).toBe(200);
    for (const index of [0, 1]) {
      expect(await stage.get('/api', index)).toMatchObject({ status: 200, text: '.' });
    }
    const before = accessLines().length;
    const secret = stage.fresh('not-for-the-log');
    await stage.post('/api', { tokens: ['Ann'], data: secret });
    await stage.get('/api');
    await stage.post('/api/v1/push', { users: ['Ann'], data: secret }, 1);
    await eventually(() => expect(accessLines()).toHaveLength(before + 2));
    for (const line of accessLines().slice(before)) {
      expect(line).toMatchObject({ level: 30 });
      expect(JSON.stringify(line)).not.toContain(secret);
    }
  });
});

describe.each(MODES)('S1, below a path, %s', (mode) => {
  const stage = seedStage(mode, { SOCKET_PATH: '/ws/socket.io' });

  it.each(LIBRARIES)(
    'row 14: SOCKET_PATH=/ws/socket.io is a path; /ws in the URL is a namespace that is not there, $name',
    async (library) => {
      for (const index of [0, 1]) {
        const client = await stage.visit(library, index, { path: '/ws/socket.io' });
        expect(await client.do('join', { username: 'Ann' })).toMatchObject({ roomid: 'lobby' });
        const wrong = await stage.refusal(library, index, { path: '/ws/socket.io', nsp: '/ws' });
        expect(wrong).toBe('Invalid namespace');
      }
      expect((await stage.get('/ws/socket.io/socket.io.js')).text).toContain('Socket.IO');
      expect((await stage.get('/')).text).toContain('content="/ws/socket.io/"');
    },
  );
});

describe.each(MODES)('S1, its trust, %s', (mode) => {
  it('defect (f): open mode says at the start that everybody can come in under any name', async () => {
    const redis = mode === 'cluster' ? await openRedis() : undefined;
    const host = await startHost({
      env: { HOST: '0.0.0.0' },
      ...(redis === undefined ? {} : { redisUrl: redis.url }),
    });
    try {
      const warnings = host
        .output()
        .stderr.trim()
        .split('\n')
        .filter((line) => (JSON.parse(line) as { level: number }).level === 40);
      expect(warnings).toContainEqual(expect.stringMatching(/HOST=0\.0\.0\.0 in open mode.*any name/));
    } finally {
      await host.stop();
      await host.remove();
      await redis?.close();
    }
  });
});
