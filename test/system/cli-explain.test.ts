import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { MessageTrace } from '../../src/message-trace.ts';
import { type Host, runRoomcast } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { systemFixture } from '../support/fixture.ts';
import { MODES } from '../support/system.ts';

/** It may have been replaced meanwhile. */
function wake(pid: number): void {
  try {
    process.kill(pid, 'SIGCONT');
  } catch {}
}

const SECRET = 'nobody but the members reads this';

describe.each(MODES)('roomcast explain, %s', (mode) => {
  // Redis trims a stream by whole nodes of 100 entries.
  const stage = systemFixture(mode, { HISTORY_SIZE: '10' });
  const host = () => stage.system.hosts[0] as Host;

  async function explain(...args: readonly string[]) {
    const { child, output } = runRoomcast(['explain', ...args], {
      ADMIN_PORT: new URL(host().adminUrl).port,
    });
    const [code] = (await once(child, 'exit')) as [number];
    const { stdout, stderr } = output();
    expect(stdout).not.toContain(SECRET);
    return { code, stdout, stderr };
  }

  const as = (userId: string, more: object = {}) => ({ auth: { userId, ...more } });
  const enter = (index: number, roomid: string, userId: string, more: object = {}) =>
    stage.enter(stage.at(index), roomid, userId, as(userId, more));

  async function post(path: string, method: 'POST' | 'DELETE', body?: object): Promise<void> {
    // A loaded machine may refuse some for a moment.
    await eventually(async () => {
      const response = await fetch(`${host().workerUrls[0]}/api/v1/rooms/${path}`, {
        method,
        headers: { ...stage.system.keyHeader, 'content-type': 'application/json' },
        ...(body && { body: JSON.stringify(body) }),
      });
      expect(response.status).toBe(200);
    });
  }

  it('a message that everybody got', async () => {
    const [roomid, clientMsgId] = [stage.fresh('room'), stage.fresh('id')];
    const ann = await enter(0, roomid, 'ann');
    const [bob, cat] = [await enter(1, roomid, 'bob'), await enter(2, roomid, 'cat')];
    const { seq, id } = await ann.do('say', { text: SECRET, clientMsgId });
    await eventually(() => expect([bob.said.length, cat.said.length]).toEqual([1, 1]));
    const { code, stdout } = await explain(clientMsgId, '--room', roomid, '--user', 'bob');
    expect(code).toBe(0);
    expect(stdout).toContain(`${roomid}, seq ${seq}, epoch `);
    expect(stdout).toContain(`from ann, id ${id}, clientMsgId ${clientMsgId}\n`);
    expect(stdout).toContain('stored and published in one step');
    expect(stdout).toContain(`acked: connection ${ann.hello.clientId} of the author`);
    expect(stdout).toContain(
      `bob (${bob.hello.clientId}): joined at seq 0, and it was written to this connection`,
    );
    const trace = JSON.parse((await explain(id, '--json')).stdout) as MessageTrace;
    expect(trace.messages).toMatchObject([{ roomid, seq, clientMsgId, author: 'ann', state: 'stored' }]);
    expect(trace.workers).toHaveLength(stage.system.workers);
    expect(trace.silent).toEqual([]);
    const deliveries = trace.workers.map((worker) => worker.deliveries[0]);
    expect(deliveries.reduce((sum, one) => sum + (one?.written ?? 0), 0)).toBe(3);
    expect(deliveries.every((one) => one?.connections === one?.written)).toBe(true);
  });

  it('a message that the rate limit refused, and that was never stored', async () => {
    const roomid = stage.fresh('room');
    const ann = await enter(0, roomid, 'ann');
    const ids = Array.from({ length: 120 }, () => stage.fresh('id'));
    const acks = await Promise.all(ids.map((clientMsgId) => ann.ask('say', { text: SECRET, clientMsgId })));
    const refused = ids[acks.findIndex((ack) => !ack.ok && ack.error.code === 'rate_limited')] as string;
    const { code, stdout } = await explain(refused, '--room', roomid);
    expect(code).toBe(3);
    expect(stdout).toContain('No message with this id is stored in the 1 log that was searched.\n');
    expect(stdout).toMatch(/slot \d refused say of ann in \S+ with this id at \S+: rate_limited, to be/);
  });

  it('a message that the HTTP API refused, and one that it was given twice', async () => {
    const [roomid, clientMsgId, key, bare] = [
      stage.fresh('room'),
      stage.fresh('id'),
      stage.fresh('key'),
      stage.fresh('id'),
    ];
    const send = (body: object, headers = {}) =>
      fetch(`${host().workerUrls[0]}/api/v1/rooms/${roomid}/messages`, {
        method: 'POST',
        headers: { ...stage.system.keyHeader, ...headers, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    const keyed = { 'idempotency-key': key };
    expect((await send({ text: '', clientMsgId }, keyed)).status).toBe(400);
    const REFUSED =
      /slot 0 refused POST \/api\/v1\/rooms\/:roomid\/messages of the HTTP API in \S+ with this id/;
    for (const id of [clientMsgId, key]) {
      const { code, stdout } = await explain(id, '--room', roomid);
      expect([code, stdout]).toEqual([3, expect.stringMatching(REFUSED)]);
      expect(stdout).toMatch(/: bad_request\n/);
    }
    // A loaded machine may refuse one for a moment.
    const stored = () =>
      eventually(async () => expect((await send({ text: SECRET, clientMsgId: bare })).status).toBe(200));
    await stored();
    await stored();
    const { code, stdout } = await explain(bare, '--room', roomid);
    expect([code, stdout]).toEqual([0, expect.stringContaining('answered a repetition by the HTTP API in ')]);
  });

  it('a message that was sent twice', async () => {
    const [roomid, clientMsgId] = [stage.fresh('room'), stage.fresh('id')];
    const [ann, again] = [await enter(0, roomid, 'ann'), await enter(1, roomid, 'ann')];
    await ann.do('say', { text: 'before' });
    const { seq } = await ann.do('say', { text: SECRET, clientMsgId });
    expect(await again.do('say', { text: SECRET, clientMsgId })).toMatchObject({ seq, dup: true });
    const { code, stdout } = await explain(clientMsgId);
    expect([code, seq]).toEqual([0, 2]);
    expect(stdout).toContain(`${roomid}, seq 2, `);
    expect(stdout).toMatch(/slot \d answered a repetition by ann in \S+ at \S+: it is seq 2, stored once/);
  });

  it('a message to a room that the user has not joined', async () => {
    const [roomid, dan] = [stage.fresh('room'), stage.fresh('dan')];
    const ann = await enter(0, roomid, 'ann');
    const other = await enter(1, stage.fresh('room'), dan);
    const { seq } = await ann.do('say', { text: SECRET });
    const { stdout } = await explain(roomid, `${seq}`, '--user', dan);
    expect(stdout).toContain(`${dan}: 1 connection, not in the room\n`);
    expect(stdout).toContain(`${dan} (${other.hello.clientId}): this connection has not joined the room`);
  });

  it('a message that users who joined later got in a page, or not at all', async () => {
    const [roomid, eve, flo] = [stage.fresh('room'), stage.fresh('eve'), stage.fresh('flo')];
    const ann = await enter(0, roomid, 'ann');
    const { seq } = await ann.do('say', { text: SECRET });
    await ann.do('say', { text: 'more' });
    await enter(1, roomid, eve);
    const later = await stage.device(stage.at(1), flo);
    await later.do('join', { roomid, history: 1 });
    const { stdout } = await explain(roomid, `${seq}`, '--user', eve);
    expect(stdout).toContain('joined later, at seq 2; it, or its tombstone, was in the page from 1 on');
    expect(stdout).toContain(
      `${flo} (${later.hello.clientId}): joined later, at seq 2, with a page from 2 on`,
    );
  });

  it('a message that a user whose connection was cut got by a resume', async () => {
    const [roomid, guy] = [stage.fresh('room'), stage.fresh('guy')];
    const ann = await enter(0, roomid, 'ann');
    const before = await enter(1, roomid, guy);
    const { epoch, seq: had } = await ann.do('say', { text: 'before' });
    before.close();
    const { seq } = await ann.do('say', { text: SECRET });
    const back = await enter(1, roomid, guy, { resume: { epoch, seq: had } });
    expect(back.joined.recovered).toBe(true);
    const missed = await explain(roomid, `${seq}`, '--user', guy);
    expect(missed.stdout).toContain(
      `resumed after seq ${had} and got it, or its tombstone, in the page up to ${seq}`,
    );
    const known = await explain(roomid, `${had}`, '--user', guy);
    expect(known.stdout).toContain(`resumed after seq ${had}, so its client claims to have it already`);
  });

  it('a message that was deleted', async () => {
    const [roomid, clientMsgId] = [stage.fresh('room'), stage.fresh('id')];
    const ann = await enter(0, roomid, 'ann');
    const { seq, id } = await ann.do('say', { text: SECRET, clientMsgId });
    await post(`${roomid}/messages/${seq}`, 'DELETE');
    for (const args of [[roomid, `${seq}`], [id], [clientMsgId, '--room', roomid, '--user', 'ann']]) {
      const { code, stdout } = await explain(...args);
      expect(code).toBe(0);
      expect(stdout).toContain('stored and published, and deleted since: its text is gone');
    }
  });

  it('a message that has left the log', async () => {
    const [roomid, clientMsgId] = [stage.fresh('room'), stage.fresh('id')];
    const ann = await enter(0, roomid, 'ann');
    const { seq, id } = await ann.do('say', { text: SECRET, clientMsgId });
    await Promise.all(
      Array.from({ length: 150 }, () => post(`${roomid}/messages`, 'POST', { text: 'more' })),
    );
    const named = await explain(clientMsgId, '--room', roomid, '--user', 'ann');
    expect(named.stdout).toContain(`${roomid}, seq ${seq}, `);
    expect(named.stdout).toContain(`id ${id}`);
    for (const { code, stdout } of [named, await explain(roomid, `${seq}`)]) {
      expect(code).toBe(0);
      expect(stdout).toContain('it has left the log');
    }
  });

  it('a message that nobody knows, and one that is still to come', async () => {
    const roomid = stage.fresh('room');
    await enter(0, roomid, 'ann');
    const unknown = await explain(stage.fresh('id'));
    expect(unknown.code).toBe(3);
    expect(unknown.stdout).toContain('No message with this id is stored');
    expect(unknown.stdout).toContain('No worker that answered remembers a refusal of it');
    const later = await explain(roomid, '7');
    expect([later.code, later.stdout]).toEqual([
      3,
      expect.stringContaining('not in the log; the log is empty'),
    ]);
  });

  it('a private message that waits, and is read', async () => {
    const hal = stage.fresh('hal');
    const ann = await stage.device(stage.at(0), 'ann');
    const clientMsgId = stage.fresh('id');
    const { id } = await ann.do('private', { to: hal, text: SECRET, clientMsgId });
    const seq = 1;
    const sent = await explain(clientMsgId, '--user', 'ann', '--to', hal);
    expect(sent.stdout).toContain(`inbox of ${hal}, seq ${seq}, `);
    const waiting = await explain(id, '--user', hal);
    expect(waiting.stdout).toContain(`inbox of ${hal}, seq ${seq}, `);
    expect(waiting.stdout).toContain(`${hal}: 0 connections, not reported as received, not read`);
    const device = await stage.device(stage.at(1), hal);
    await device.do('inbox:ack', { read: seq });
    const { stdout } = await explain(id, '--user', hal);
    expect(stdout).toMatch(new RegExp(`${hal}: 1 connection, received by \\S+, read by `));
    expect(stdout).toContain('has it; 1 connection of the user');
  });

  it('names a worker that hangs', async () => {
    const roomid = stage.fresh('room');
    const ann = await enter(0, roomid, 'ann');
    const { seq } = await ann.do('say', { text: SECRET });
    for (const { status } of stage.system.hosts.slice(-2)) {
      const { workers } = await status();
      const { slot, pid } = workers.at(-1) as (typeof workers)[number];
      process.kill(pid, 'SIGSTOP');
      const { code, stdout } = await explain(roomid, `${seq}`).finally(() => wake(pid));
      expect(code).toBe(0);
      expect(stdout).toContain('written live to 1 of 1 connection\n');
      const own = status === host().status;
      expect(stdout).toMatch(
        own
          ? new RegExp(
              `slot ${slot} \\(pid ${pid}\\) cannot say what it knows: (no answer|it is in state suspect)`,
            )
          : /: 1 of its workers cannot say what it knows: no answer over the bus/,
      );
    }
  }, 60_000);

  it('refuses what it does not understand', async () => {
    for (const [args, why] of [
      [[], 'which message?'],
      [['a', 'b'], 'SEQ must be a whole number from 1'],
      [['a', '1', '--room', 'b'], '--room belongs to an ID'],
      [['a', '--room', 'b', '--to', 'c'], '--to belongs to an ID without --room'],
    ] as const) {
      const { code, stderr } = await explain(...args);
      expect([code, stderr]).toEqual([2, expect.stringContaining(why)]);
    }
    const foreign = await explain('an-id', '--ns', '/nowhere');
    expect([foreign.code, foreign.stderr]).toEqual([1, expect.stringContaining('/nowhere is no namespace')]);
  });
});
