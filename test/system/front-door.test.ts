import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { WorkerStatus } from '../../src/cluster/control.ts';
import { MOST_UPLOADED_BYTES, uploadWithoutEnd } from '../support/endless-upload.ts';
import {
  ask,
  converse,
  crowd,
  echo,
  enterByEagerWebSocket,
  enterByPolling,
  enterByWebSocket,
  openPolling,
} from './front-door-client.ts';
import { type Cluster, startCluster } from './front-door-start.ts';

async function workersOf(cluster: Cluster): Promise<WorkerStatus[]> {
  const { body } = await ask(cluster.admin, '/status');
  return (JSON.parse(body) as { workers: WorkerStatus[] }).workers;
}

/** Both slots serve, and none of these processes does. */
async function becomesWhole(cluster: Cluster, gone: readonly number[]): Promise<void> {
  const serving = async () =>
    (await workersOf(cluster)).map(({ state, pid }) => (gone.includes(pid) ? 'gone' : state));
  await expect.poll(serving).toEqual(['ready', 'ready']);
}

function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** As every client does: on failure it tries again, with a pause, until it is in. */
const retrying = (enter: (port: number) => Promise<void>) => async (port: number) => {
  for (let tries = 1; ; tries++) {
    try {
      return await enter(port);
    } catch (error) {
      if (tries === 40) throw error;
      await pause(100);
    }
  }
};

describe('the front door', () => {
  let cluster: Cluster;
  beforeAll(async () => {
    cluster = await startCluster();
  });
  afterAll(() => cluster?.process.kill('SIGKILL'));

  test('loses none of 1000 WebSocket connects', async () => {
    expect(await crowd(1000, 50, () => enterByWebSocket(cluster.front))).toEqual([]);
  });

  test('loses none of 1000 WebSocket connects whose first packet follows the upgrade at once', async () => {
    expect(await crowd(1000, 50, () => enterByEagerWebSocket(cluster.front))).toEqual([]);
  });

  test('loses no byte that follows the first headers while the connection is passed on', async () => {
    const pieces = ['one', 'two', 'three', 'four'];
    expect(await crowd(1000, 50, () => echo(cluster.front, pieces))).toEqual([]);
  });

  test('loses none of 500 connects by polling with a later upgrade', async () => {
    expect(await crowd(500, 40, () => enterByPolling(cluster.front))).toEqual([]);
  });

  test('counts every client in and out again', async () => {
    const polling = await openPolling(cluster.front);
    const clients = async () => (await workersOf(cluster)).reduce((sum, worker) => sum + worker.clients, 0);
    await expect.poll(clients).toBe(1);
    await polling.close();
    await expect.poll(clients).toBe(0);
  });

  test('passes a request body of 300 KB on complete', async () => {
    const polling = await openPolling(cluster.front);
    const text = 'abcdefghij'.repeat(30_000);
    expect((await polling.send(`420["digest","${text}"]`)).status).toBe(200);
    const sha256 = createHash('sha256').update(text).digest('hex');
    expect((await polling.receive()).body).toBe(`430["${sha256}"]`);
    await polling.close();
  });

  test('spreads clients over the workers', async () => {
    const clients = await Promise.all(Array.from({ length: 20 }, () => openPolling(cluster.front)));
    await expect
      .poll(async () => Math.min(...(await workersOf(cluster)).map((worker) => worker.clients)))
      .toBeGreaterThan(4);
    await Promise.all(clients.map((client) => client.close()));
  });

  test('passes every connection on as a socket, whatever its headers are', async () => {
    const upgrade = 'GET /comes-by HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: any\r\n';
    const post = 'POST / HTTP/1.1\r\nHost: x\r\n';
    const requests = [
      `${upgrade}X-Note: content-length: no\r\n\r\n`,
      `${upgrade}X-Transfer-Encoding: chunked\r\n\r\n`,
      `${upgrade}Content-Length: 0\r\n\r\n`,
      `${post}X-Note: transfer-encoding: no\r\n\r\n`,
      `${post}Content-Length: 4\r\n\r\nbody`,
      `${post}Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n`,
    ];
    const answers = await Promise.all(requests.map((request) => converse(cluster.front, [request])));
    const ways = answers.map((answer) => /"comesBy":"([^"]*)"/.exec(answer)?.[1]);
    expect(ways).toEqual(requests.map(() => 'socket from 127.0.0.1'));
  });

  test.each([
    ['/answers', 'HTTP/1.1 200 OK'],
    ['/neither-reads-nor-answers', 'HTTP/1.1 408 Request Timeout'],
  ])('holds an endless upload up and ends it when it is answered: %s', async (path, answer) => {
    const head = `POST ${path} HTTP/1.1\r\nHost: x\r\n`;
    const { heard, sentBytes } = await uploadWithoutEnd(cluster.front, head);
    expect(heard).toContain(answer);
    expect(sentBytes).toBeLessThan(MOST_UPLOADED_BYTES);
  });

  test('finds the session of a poll among parameters that look like it', async () => {
    const uuid = 'f81d4fae-7dec-11d0-a765-00a0c91e6bf6';
    const neighbours = [
      `&classid=${uuid}`,
      `&accessid=${uuid}&businessid=${uuid}`,
      `&sid=${'x'.repeat(20)}`,
      `&a=?sid=${'x'.repeat(20)}`,
      `&t=${'x'.repeat(4_000)}`,
    ];
    const failures = await crowd(40, 8, async (index) => {
      const polling = await openPolling(cluster.front, neighbours[index % neighbours.length]);
      await polling.close();
    });
    expect(failures).toEqual([]);
  });

  test('answers 400 to what parsers of HTTP disagree about', async () => {
    const disputed = [
      'GET / HTTP/1.1\nHost: x\n\n',
      'GET / HTTP/1.1\r\nHost: x\r\nX-A: b\n\nGET / HTTP/1.1\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: x\r\nX-A: b\r\n folded\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: x\r\nX-A : b\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nbody',
      'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n',
    ];
    const answers = await Promise.all(disputed.map((request) => converse(cluster.front, [request])));
    expect(answers.map((answer) => answer.slice(0, 24))).toEqual(
      disputed.map(() => 'HTTP/1.1 400 Bad Request'),
    );
  });

  test('answers one request a connection: the next may be for another worker', async () => {
    const { sid, close } = await openPolling(cluster.front);
    const first = 'GET /first HTTP/1.1\r\nHost: x\r\n\r\n';
    const old = 'GET /first HTTP/1.0\r\nConnection: keep-alive\r\n\r\n';
    const next = `POST /socket.io/?EIO=4&transport=polling&sid=${sid} HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n1`;
    for (const request of [first, old]) {
      const answer = await converse(cluster.front, [request + next]);
      expect(answer.match(/^HTTP\/1\.1 \d+|"pid"/gm)).toEqual(['HTTP/1.1 200', '"pid"']);
    }
    await close();
  });

  test('ends a connection that sends another request before its first answer', async () => {
    const next = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(3);
    for (const line of ['HTTP/1.1\r\nHost: x', 'HTTP/1.0\r\nConnection: keep-alive']) {
      const { sid, close } = await openPolling(cluster.front);
      const poll = `GET /socket.io/?EIO=4&transport=polling&sid=${sid} ${line}\r\n\r\n`;
      expect(await converse(cluster.front, [poll + next])).toBe('');
      await close();
    }
  });

  test('answers a request whose headers arrive in parts', async () => {
    const pieces = [
      'GET /socket.io/?EIO=4&tran',
      'sport=polling HTTP/1.1\r\nHo',
      'st: localhost\r\n\r',
      '\n',
    ];
    expect(await converse(cluster.front, pieces)).toMatch(/^HTTP\/1\.1 200 OK[\s\S]*"sid"/);
  });

  test('keeps no connection for a next request, the worker’s own port does', async () => {
    const [worker] = await workersOf(cluster);
    const keepAlive = 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n';
    expect(await converse(cluster.front, [keepAlive])).toContain('Connection: close');
    const socket = connect(worker?.port ?? 0, '127.0.0.1').setEncoding('utf8');
    socket.write(keepAlive);
    const [answer] = (await once(socket, 'data')) as [string];
    socket.destroy();
    expect(answer).toContain('Connection: keep-alive');
  });

  test('closes connections that send nothing, too little or too much', async () => {
    expect(await converse(cluster.front, [])).toBe('');
    expect(await converse(cluster.front, ['GET / HTTP/1.1\r\nHost: loc'])).toContain('408 Request Timeout');
    const endless = `GET / HTTP/1.1\r\nX-Endless: ${'x'.repeat(20_000)}`;
    expect(await converse(cluster.front, [endless])).toContain('431 Request Header Fields Too Large');
  });

  test('ends a request whose body never comes', async () => {
    const { sid } = await openPolling(cluster.front);
    const head = `POST /socket.io/?EIO=4&transport=polling&sid=${sid} HTTP/1.1\r\nHost: localhost\r\n`;
    const unfinished = `${head}Content-Length: 100\r\n\r\nonly this`;
    expect(await converse(cluster.front, [unfinished])).toContain('408 Request Timeout');
  });

  test('survives clients that reset their connections at any moment', async () => {
    const resets = Array.from({ length: 200 }, async (_, index) => {
      const socket = connect(cluster.front, '127.0.0.1');
      socket.on('error', () => {});
      await once(socket, 'connect');
      const words = [
        '',
        'GET /soc',
        'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
        'POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nx',
      ];
      socket.write(words[index % words.length] ?? '', () => socket.resetAndDestroy());
    });
    await Promise.all(resets);
    expect((await ask(cluster.front, '/')).status).toBe(200);
    expect(cluster.process.exitCode).toBeNull();
  });

  test('closes connections that were on their way to a worker that dies', async () => {
    const victim = (await workersOf(cluster))[0]?.pid ?? 0;
    process.kill(victim, 'SIGSTOP');
    const arrivals = Array.from({ length: 40 }, () =>
      converse(cluster.front, ['GET / HTTP/1.1\r\nHost: localhost\r\n\r\n']).catch(() => ''),
    );
    // The living worker's share is answered; what is left waits for the frozen one.
    const answered = arrivals.map((arrival) => arrival.then((): true => true));
    await expect.poll(async () => (await settled(answered)) > 0).toBe(true);
    process.kill(victim, 'SIGKILL');
    const answers = await Promise.all(arrivals);
    expect(answers.some((answer) => answer.startsWith('HTTP/1.1 200'))).toBe(true);
    expect(answers).toContain('');
    await becomesWhole(cluster, [victim]);
  });

  test('admits every client although a worker is killed meanwhile', async () => {
    const victim = (await workersOf(cluster))[0]?.pid ?? 0;
    let entered = 0;
    const enter = [enterByWebSocket, enterByEagerWebSocket, enterByPolling].map(retrying);
    const failures = await crowd(900, 50, async (index) => {
      if (index === 300) process.kill(victim, 'SIGKILL');
      await enter[index % enter.length]?.(cluster.front);
      entered += 1;
    });
    expect({ failures, entered }).toEqual({ failures: [], entered: 900 });
    await becomesWhole(cluster, [victim]);
  });

  test('loses no client while all workers are replaced one by one', async () => {
    const before = (await workersOf(cluster)).map(({ pid }) => pid);
    cluster.process.kill('SIGHUP');
    let reloaded = false;
    const outcome = cluster.line().then((line) => {
      reloaded = true;
      return line;
    });
    const failures: string[] = [];
    while (!reloaded) {
      failures.push(...(await crowd(60, 20, () => enterByEagerWebSocket(cluster.front))));
      failures.push(...(await crowd(20, 20, () => enterByPolling(cluster.front))));
    }
    expect(await outcome).toEqual({ reload: { ok: true } });
    expect(failures).toEqual([]);
    await becomesWhole(cluster, before);
  });

  test('answers 503 with Retry-After while no worker is ready', async () => {
    const victims = (await workersOf(cluster)).map(({ pid }) => pid);
    for (const pid of victims) process.kill(pid, 'SIGKILL');
    const answers: string[] = [];
    const refused = async () => {
      const answer = await ask(cluster.front, '/').catch(() => undefined);
      if (answer?.status === 503) answers.push(String(answer.headers['retry-after']));
      // The next ones were up before this test asked.
      if (answer?.status === 200) {
        for (const { pid } of await workersOf(cluster)) if (exists(pid)) process.kill(pid, 'SIGKILL');
      }
      return answers.length;
    };
    await expect.poll(refused, { interval: 5 }).toBeGreaterThan(0);
    expect(answers[0]).toBe('1');
    await becomesWhole(cluster, victims);
    expect((await ask(cluster.front, '/')).status).toBe(200);
  });

  test('leaves no process behind after SIGTERM', async () => {
    const pids = (await workersOf(cluster)).map(({ pid }) => pid);
    expect(pids.every(exists)).toBe(true);
    cluster.process.kill('SIGTERM');
    const [code] = (await once(cluster.process, 'exit')) as [number];
    expect(code).toBe(0);
    expect(pids.filter(exists)).toEqual([]);
  });
});

test('leaves no process behind when the primary is killed', async () => {
  const cluster = await startCluster();
  const pids = (await workersOf(cluster)).map(({ pid }) => pid);
  cluster.process.kill('SIGKILL');
  await expect.poll(() => pids.filter(exists)).toEqual([]);
});

/** How many of these have resolved by now. */
async function settled(promises: readonly Promise<true>[]): Promise<number> {
  const now = await Promise.all(promises.map((promise) => Promise.race([promise, Promise.resolve(false)])));
  return now.filter(Boolean).length;
}
