import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { MOST_UPLOADED_BYTES, uploadWithoutEnd } from '../support/endless-upload.ts';
import { connect, connectRaw, enter, type Member } from '../support/member.ts';
import { openRawClient } from '../support/raw-client.ts';
import { type System, startSystem } from '../support/system.ts';
import { askForGoodHosts, askForOddHosts } from './odd-hosts.ts';

/** Sends an event as it stands, past the types. */
function sendRaw(
  member: Member,
  event: string,
  ...args: unknown[]
): Promise<{ ok: boolean; error?: Refused }> {
  return (
    member.socket as unknown as { timeout(ms: number): { emitWithAck(...a: unknown[]): Promise<never> } }
  )
    .timeout(30_000)
    .emitWithAck(event, ...args);
}
/** RATE_SAY, as it is without being set. */
const SAYS_PER_S = 20;
const SAY_BURST = 40;

interface Refused {
  readonly code: string;
  readonly message: string;
  readonly temporary: boolean;
}

describe('bad input of a client', () => {
  let system: System;
  let url: string;
  let pids: number[];
  const pidsNow = async () => ((await system.hosts[0]?.status())?.workers ?? []).map(({ pid }) => pid);

  beforeAll(async () => {
    system = await startSystem('embedded');
    url = system.workerUrls[0] as string;
    pids = await pidsNow();
  });
  afterAll(() => system?.stop());

  it.each([
    ['a binary event', '451-["say",{"_placeholder":true,"num":0}]'],
    ['a binary event without attachments', '450-["say",{"text":"hello"}]'],
    ['a binary ack', '461-1[{"_placeholder":true,"num":0}]'],
    ['a binary frame', Buffer.from('hello')],
  ])('%s closes the link', async (_name, packet) => {
    const link = new WebSocket(`${url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
    const closed = once(link, 'close');
    link.on('message', (message) => {
      const text = message.toString();
      if (text.startsWith('0')) link.send('40');
      if (text.startsWith('40')) link.send(packet);
      if (text === '2') link.send('3');
    });
    await closed;
    expect(await pidsNow()).toEqual(pids);
  });

  it.each(['POST /nowhere', 'GET /healthz', 'POST /api/rooms/lobby/messages'])(
    'an endless upload to %s ends',
    async (line) => {
      const head = `${line} HTTP/1.1\r\nHost: localhost\r\n`;
      const { heard, sentBytes } = await uploadWithoutEnd(Number(new URL(url).port), head);
      expect(heard).toMatch(/^HTTP\/1\.1 [24]\d\d /);
      expect(sentBytes).toBeLessThan(MOST_UPLOADED_BYTES);
    },
  );

  it('that names no single host is answered 400 by the front door, a worker and the admin port', async () => {
    const { url: front = '', adminUrl = '' } = system.hosts[0] ?? {};
    const doors = [
      { url: front, upgrades: true },
      { url, upgrades: true },
      { url: adminUrl, upgrades: false },
    ];
    const odd = await askForOddHosts(doors);
    expect(odd.filter(({ status }) => status !== 'HTTP/1.1 400 Bad Request')).toEqual([]);
    const good = await askForGoodHosts(doors);
    expect(good.filter(({ status }) => status !== 'HTTP/1.1 200 OK')).toEqual([]);
  });

  it.each([
    ['say', {}, 'text'],
    ['say', { text: '' }, 'text'],
    ['say', { text: ' \n\t ' }, 'text'],
    ['say', { text: '\u200b\u2800 \u3164' }, 'text'],
    ['say', { text: 'half \ud83d' }, 'text'],
    ['textmsg', '\udc00', 'payload'],
    ['textmsg', { name: 'Roomcast', content: 'x' }, 'name'],
    ['private', { to: 'bob', text: '\ud800' }, 'text'],
    ['todo', { receiver_id: 'bob', deep: [{ text: '\ud800' }] }, 'payload'],
    ['todo', { receiver_id: 'bob', '\udfff': 1 }, 'payload'],
    ['room:members', { cursor: '\ud800' }, 'cursor'],
    ['user_login', { userId: 'RoomCast' }, 'userId'],
    ['join', { roomid: 'a\u3164b' }, 'roomid'],
    ['join', { username: 'A\u200bnn' }, 'username'],
    ['join', { username: '\u2800' }, 'username'],
    ['join', { username: 'ROOMCAST' }, 'username'],
    ['join', { resume: { epoch: '\ud800', seq: 1 } }, 'resume.epoch'],
    ['say', { text: 7 }, 'text'],
    ['say', { text: 'x', type: 'y' }, 'type'],
    ['say', { text: 'x', clientMsgId: 'x'.repeat(65) }, 'clientMsgId'],
    ['say', { text: 'x', echo: 'no' }, 'echo'],
    ['say', 'text', 'payload'],
    ['say', null, 'text'],
    ['say', [], 'payload'],
    ['join', { roomid: 'a#b*{c}' }, 'roomid'],
    ['join', { roomid: {} }, 'roomid'],
    ['join', { roomid: 2 ** 53 }, 'roomid'],
    ['private', { to: 2 ** 53 + 2, text: 'x' }, 'to'],
    ['todo', { receiver_id: 2 ** 53 }, 'receiver_id'],
    ['user_login', { tokenId: 2 ** 53 }, 'tokenId'],
    ['join', { roomid: 'x'.repeat(1_048_576) }, 'roomid'],
    ['join', { username: 'a\u202eb' }, 'username'],
    ['join', { avatar: 'javascript:alert(1)' }, 'avatar'],
    ['join', { history: -1 }, 'history'],
    ['join', { history: 201 }, 'history'],
    ['join', { resume: { epoch: 'e' } }, 'resume.seq'],
    ['room:history', { limit: 0 }, 'limit'],
    ['room:history', { before: 1.5 }, 'before'],
    ['room:history', { before: 3, after: 1 }, 'after'],
    ['leave', { roomid: 'a\u0000b' }, 'roomid'],
    ['no such event', {}, 'event'],
    ['__proto__', {}, 'event'],
    ['constructor', {}, 'event'],
  ])('%#: in %j is a bad request that names what is wrong', async (event, payload, field) => {
    const member = await enter(url, 'bad input', 'Ann');
    const { ok, error } = await sendRaw(member, event, payload);
    expect({ ok, code: error?.code, temporary: error?.temporary }).toEqual({
      ok: false,
      code: 'bad_request',
      temporary: false,
    });
    expect(error?.message).toMatch(new RegExp(`^${field.replace('.', '\\.')}:`));
    expect(error?.message.length).toBeLessThan(300);
    member.close();
  });

  it('in a say before the join is answered not_joined', async () => {
    const member = await connect(url);
    expect(await sendRaw(member, 'say', { text: 'x' })).toMatchObject({ error: { code: 'not_joined' } });
    expect(await sendRaw(member, 'say', { text: 'x', roomid: 'else' })).toMatchObject({
      error: { code: 'not_joined' },
    });
    expect(await sendRaw(member, 'room:history', {})).toMatchObject({ error: { code: 'not_joined' } });
    member.close();
  });

  it('is refused as too_large beyond MAX_TEXT_BYTES, in bytes and not in characters', async () => {
    const member = await enter(url, 'large', 'Ann');
    expect(await sendRaw(member, 'say', { text: 'x'.repeat(8_192) })).toMatchObject({ ok: true });
    expect(await sendRaw(member, 'say', { text: 'x'.repeat(8_193) })).toMatchObject({
      error: { code: 'too_large' },
    });
    expect(await sendRaw(member, 'say', { text: '东'.repeat(2_731) })).toMatchObject({
      error: { code: 'too_large' },
    });
    member.close();
  });

  it('without an ack callback is answered by refused, with its clientMsgId', async () => {
    const member = await enter(url, 'refused', 'Ann');
    const refused = new Promise((resolve) => member.socket.once('refused', resolve));
    (member.socket.emit as (...args: unknown[]) => void)('say', { text: '', clientMsgId: 'mine' });
    expect(await refused).toMatchObject({
      event: 'say',
      clientMsgId: 'mine',
      error: { code: 'bad_request', message: expect.stringContaining('text:') },
    });
    member.close();
  });

  it('nested deeply does no harm', async () => {
    const member = await enter(url, 'deep', 'Ann');
    for (const depth of [1_000, 6_000, 40_000]) {
      const packet = `2["say",{"text":${'['.repeat(depth)}${']'.repeat(depth)}}]`;
      (member.socket.io.engine as unknown as { write(data: string): void }).write(packet);
    }
    expect(await sendRaw(member, 'say', { text: 'still here' })).toMatchObject({ ok: true });
    const refusals = member.heard.filter(({ event }) => event === 'refused');
    expect(refusals.map(({ data }) => (data as { error: Refused }).error.code)).toEqual(
      Array(3).fill('bad_request'),
    );
    member.close();
  });

  it('named error, or of odd shapes, does no harm', async () => {
    const member = await enter(url, 'odd', 'Ann');
    const emit = member.socket.emit.bind(member.socket) as (...args: unknown[]) => void;
    for (const value of [null, undefined, 'x', new Error('x'), { message: {} }]) emit('error', value);
    for (const event of ['say', 'join', 'leave', 'room:history', 'close2']) {
      emit(event);
      emit(event, null, null, null);
      emit(event, () => {});
      emit(event, { toString: 'x', text: { length: 3 } });
    }
    await member.do('join');
    expect(await sendRaw(member, 'say', { text: 'still here' })).toMatchObject({ ok: true });
    member.close();
  });

  it('in frames no Socket.IO client sends does no harm', async () => {
    const frames = [
      '2[1,{}]',
      '20[7,{}]',
      '2[1e999]',
      '2',
      '20',
      '21',
      '2/',
      '2[]',
      '2[null]',
      '2[{}]',
      '2{}',
      '2["say"',
    ];
    for (const frame of frames) {
      const member = await enter(url, 'frames', 'Ann');
      (member.socket.io.engine as unknown as { write(data: string): void }).write(frame);
      member.socket.emit('say', { text: 'after it' });
      member.close();
    }
    const witness = await enter(url, 'frames', 'Witness');
    expect(await sendRaw(witness, 'say', { text: 'still here' })).toMatchObject({ ok: true });
    expect(await pidsNow()).toEqual(pids);
    witness.close();
  });

  it('larger than the packet limit closes that connection and no other', async () => {
    const [loud, quiet] = [await enter(url, 'loud', 'Loud'), await enter(url, 'loud', 'Quiet')];
    const closed = new Promise((resolve) => loud.socket.once('disconnect', resolve));
    loud.socket.emit('say', { text: 'x'.repeat(1_300_000) });
    expect(await closed).toBe('transport close');
    expect(await sendRaw(quiet, 'say', { text: 'unharmed' })).toMatchObject({ ok: true });
    quiet.close();
  });

  it.each([
    ['a roomid with #', { query: { roomid: 'a#b*{c}' } }, 'roomid'],
    ['a long roomid', { query: { roomid: 'x'.repeat(129) } }, 'roomid'],
    ['a bad username', { query: { username: 'a\u0000b' } }, 'username'],
    ['a bad userId', { auth: { userId: '#' } }, 'auth.userId'],
  ])('in a handshake, %s, is a connect_error that names the field', async (_what, options, field) => {
    const socket = connectRaw(url, options);
    const error = await new Promise<Error & { data?: Refused }>((resolve) =>
      socket.once('connect_error', resolve),
    );
    expect(error.data).toMatchObject({ code: 'bad_request', message: expect.stringContaining(`${field}:`) });
    socket.close();
  });

  it('in a handshake: a room id of 1 MB in the address is refused before it is read', async () => {
    const response = await fetch(`${url}/socket.io/?EIO=4&transport=polling&roomid=${'x'.repeat(1_048_576)}`);
    expect(response.status).toBe(431);
  });

  it('in a handshake: a repeated roomid is refused', async () => {
    const open = await (await fetch(`${url}/socket.io/?EIO=4&transport=polling&roomid=a&roomid=b`)).text();
    const { sid } = JSON.parse(open.slice(1)) as { sid: string };
    const at = `${url}/socket.io/?EIO=4&transport=polling&sid=${sid}`;
    await fetch(at, { method: 'POST', body: '40' });
    expect(await (await fetch(at)).text()).toMatch(/^44.*"code":"bad_request"/);
  });

  it('may be a legal name that looks bad', async () => {
    const member = await enter(url, '__proto__', 'constructor');
    expect(member.joined).toMatchObject({ roomid: '__proto__', users: 1 });
    expect(await sendRaw(member, 'say', { text: 'x', roomid: '__proto__' })).toMatchObject({
      ok: true,
      seq: 1,
    });
    member.close();
  });

  it('from a page of another site is refused, by polling and by websocket', async () => {
    const polling = await fetch(`${url}/socket.io/?EIO=4&transport=polling`, {
      headers: { Origin: 'https://evil.example' },
    });
    expect([polling.status, await polling.json()]).toMatchObject([403, { code: 4 }]);
    const socket = connectRaw(url, { extraHeaders: { Origin: 'https://evil.example' } });
    const error = await new Promise<Error>((resolve) => socket.once('connect_error', resolve));
    expect(error.message).toBe('websocket error');
    socket.close();
    const own = await fetch(`${url}/socket.io/?EIO=4&transport=polling`, {
      headers: { Origin: 'http://127.0.0.1:9' },
    });
    expect(own.headers.get('access-control-allow-origin')).toBe('http://127.0.0.1:9');
    const { sid } = JSON.parse((await own.text()).slice(1)) as { sid: string };
    const stolen = await fetch(`${url}/socket.io/?EIO=4&transport=polling&sid=${sid}`, {
      method: 'POST',
      body: '40',
      headers: { Origin: 'https://evil.example' },
    });
    expect(stolen.status).toBe(403);
  });

  it('of floods is limited by RATE_SAY, with a retry time', async () => {
    const member = await enter(url, 'flood', 'Flo');
    const answers = await Promise.all(
      Array.from({ length: 300 }, () => sendRaw(member, 'say', { text: 'x' })),
    );
    const refused = answers.filter(({ ok }) => !ok);
    expect(answers.length - refused.length).toBeGreaterThanOrEqual(SAY_BURST);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused[0]).toMatchObject({
      error: { code: 'rate_limited', temporary: true, retryAfterMs: expect.any(Number) },
    });
    member.close();
  });

  it('of a flood of any kind ends with bye 3504, and delays no one else', async () => {
    const other = await enter(url, 'calm', 'Ann');
    const flood = openRawClient(url);
    await flood.hear('hello');
    const answers = Array.from({ length: 2_500 }, () => flood.ask('no such event', {}));
    expect(await sendRaw(other, 'say', { text: 'calm' })).toMatchObject({ ok: true });
    await flood.ended;
    const codes = (await Promise.all(answers)).map((answer) =>
      answer?.ok === false ? answer.error.code : '',
    );
    expect(['bad_request', 'rate_limited', '']).toEqual(expect.arrayContaining([...new Set(codes)]));
    expect(flood.heard('bye')).toEqual([expect.objectContaining({ code: 3504, reconnect: true })]);
    other.close();
  });

  it('is limited by RATE_SAY also over a namespace that was left and entered again', async () => {
    const clients = async () => (await system.hosts[0]?.status())?.cluster.clients;
    // Those of the cases before go away in their own time.
    await expect.poll(clients).toBe(0);
    const said = new Map<number, string>();
    const link = new WebSocket(`${url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
    const greeted = () => new Promise<void>((resolve) => greetings.push(resolve));
    const greetings: (() => void)[] = [];
    link.on('message', (message) => {
      const packet = message.toString();
      if (packet === '2') link.send('3');
      if (packet.startsWith('42["hello"')) greetings.shift()?.();
      const ack = /^43(\d+)\[(.*)\]$/.exec(packet);
      if (ack?.[1] && ack[2]) said.set(Number(ack[1]), JSON.parse(ack[2]).error?.code ?? 'ok');
    });
    await once(link, 'message');
    const startedAt = performance.now();
    for (let time = 0; time < 4; time += 1) {
      const welcome = greeted();
      link.send(`40${JSON.stringify({ username: 'Again' })}`);
      await welcome;
      link.send('420["join",{"roomid":"again and again"}]');
      for (let n = 1; n <= 40; n += 1)
        link.send(`42${time * 40 + n}["say",{"roomid":"again and again","text":"x"}]`);
      await expect.poll(() => said.size).toBe((time + 1) * 40 + 1);
      link.send('41');
      await expect.poll(clients).toBe(0);
    }
    link.close();
    const taken = [...said].filter(([id, code]) => id > 0 && code === 'ok').length;
    const tookS = (performance.now() - startedAt) / 1_000;
    expect(taken).toBeLessThanOrEqual(SAY_BURST + SAYS_PER_S * tookS + 1);
  });

  it('in more rooms than MAX_ROOMS_PER_CLIENT is answered limit', async () => {
    const member = await connect(url);
    for (let n = 0; n < 50; n += 1) await member.do('join', { roomid: `r${n}`, history: 0 });
    expect(await sendRaw(member, 'join', { roomid: 'one more' })).toMatchObject({ error: { code: 'limit' } });
    expect(await sendRaw(member, 'join', { roomid: 'r3' })).toMatchObject({ ok: true });
    member.close();
  });

  it('has crashed no worker', async () => {
    expect(await pidsNow()).toEqual(pids);
    expect(system.hosts[0]?.output().stderr).not.toMatch(/"level":(50|60)/);
  });
});
