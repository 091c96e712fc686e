import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createEventParser, type SentEvent } from '../../src/cli/event-source.ts';
import { runTail } from '../../src/cli/tail.ts';
import { lineOf } from '../../src/cli/tail-lines.ts';
import { eventually } from '../support/eventually.ts';
import { createPrinted } from './command-line.ts';

const SETTINGS = {
  host: '127.0.0.1',
  port: 9,
  front: true,
  basePort: 9,
  apiKeys: ['key'],
  dataDir: '/nonexistent',
};

describe('a parser of server-sent events', () => {
  it('takes events that come in pieces, and keeps the last id and the time to come back', () => {
    const events: SentEvent[] = [];
    const state = { lastEventId: '', retryMs: 1 };
    const parse = createEventParser(state, (event) => events.push(event));
    const text =
      ': comment\n\nid: e:1\n\nid: e:2\nevent: message\ndata: {"a":\ndata: 1}\n\r\nretry: 500\nevent: gap\ndata: x\n\nid: e:3\ndata: cut';
    for (const piece of text) parse(piece);
    expect(events).toEqual([
      { name: 'message', data: '{"a":\n1}' },
      { name: 'gap', data: 'x' },
    ]);
    expect(state).toEqual({ lastEventId: 'e:2', retryMs: 500 });
  });
});

describe('a line of roomcast tail', () => {
  const entry = { event: 'broadcast_say', seq: 3, at: 0, data: { username: 'Ann', text: 'hello' } };
  const line = (given: object, name = 'message') => lineOf('tea', { name, data: JSON.stringify(given) });

  it('shows when, where, who and what', () => {
    expect(line(entry)).toBe('1970-01-01T00:00:00.000Z tea 3 Ann: hello');
    expect(line({ ...entry, deleted: true })).toBe('1970-01-01T00:00:00.000Z tea 3 (deleted)');
    expect(line({ event: 'deleted', seq: 4, at: 0, ref: 3 })).toBe(
      '1970-01-01T00:00:00.000Z tea 4 deleted 3',
    );
    const edited = { event: 'edited', seq: 5, at: 0, ref: 3 };
    expect(line({ ...edited, data: { text: 'hi' } })).toBe('1970-01-01T00:00:00.000Z tea 5 edited 3: hi');
    expect(line({ ...edited, data: {} })).toBe('1970-01-01T00:00:00.000Z tea 5 edited 3');
    expect(line({ ...entry, data: { username: 'Ann', text: '', data: { vote: 1 } } })).toBe(
      '1970-01-01T00:00:00.000Z tea 3 Ann: {"vote":1}',
    );
    expect(line({ from: 2, to: 5, reason: 'epoch' }, 'gap')).toBe(
      '- tea 2 to 5 cannot be had any more (epoch)',
    );
  });

  it('lets no text reach the terminal as an order, or begin a line', () => {
    const text = 'a\n\u001b[2Jb\u202ec\u200bd\u0007';
    expect(line({ ...entry, data: { username: '\u001b]0;x', text } })).toBe(
      '1970-01-01T00:00:00.000Z tea 3 \ufffd]0;x: a⏎\ufffd[2Jb\ufffdc\ufffdd\ufffd',
    );
  });
});

describe('roomcast tail', () => {
  it.each([
    ['--lasst 3', '--lasst is no option; did you mean --last?'],
    ['--last 201', '--last takes a whole number from 0 to 200'],
    ['--url foo', '--url takes an address'],
    ['--url ftp://foo/', '--url takes an address'],
    ['--url http://[', '--url takes an address'],
    ['--count 0', '--count takes a whole number from 1'],
  ])('refuses %s', async (argv, problem) => {
    const print = createPrinted();
    const signal = AbortSignal.timeout(0);
    expect(await runTail(argv.split(' '), { settings: SETTINGS, signal, print })).toBe(2);
    expect(print.text().err).toContain(problem);
  });
});

/** A server with rooms whose logs the test fills. A stream brings what its room has after the given id, and ends with the test. */
async function openRooms() {
  const logs = new Map<string, { seq: number; at: number }[]>();
  const present = new Set<string>();
  const streams: { readonly roomid: string; readonly after: string; open: boolean }[] = [];
  const entryOf = (roomid: string, { seq, at }: { seq: number; at: number }) => ({
    event: 'broadcast_say',
    roomid,
    epoch: 'e',
    seq,
    at,
    data: { username: 'Ann', text: `${roomid} ${seq}` },
  });

  function stream(roomid: string, request: IncomingMessage, response: ServerResponse): void {
    const after = String(request.headers['last-event-id'] ?? '');
    const one = { roomid, after, open: true };
    streams.push(one);
    response.on('close', () => {
      one.open = false;
    });
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const from = after === '' ? Number.POSITIVE_INFINITY : Number(after.split(':')[1]);
    for (const message of logs.get(roomid) ?? []) {
      if (message.seq <= from) continue;
      response.write(
        `id: e:${message.seq}\nevent: message\ndata: ${JSON.stringify(entryOf(roomid, message))}\n\n`,
      );
    }
    response.write(':\n\n');
  }

  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://server');
    const [, roomid = '', what] = /^\/api\/v1\/rooms\/([^/]+)\/(\w+)$/.exec(url.pathname) ?? [];
    if (what === 'events') return stream(roomid, request, response);
    if (what === undefined) {
      const rooms = [...present].map((id) => ({ roomid: id }));
      return response.end(JSON.stringify({ rooms }));
    }
    const log = logs.get(roomid) ?? [];
    const before = Number(url.searchParams.get('before') ?? Number.POSITIVE_INFINITY);
    const range = log.filter(({ seq }) => seq < before);
    const messages = range.slice(-Number(url.searchParams.get('limit'))).map((one) => entryOf(roomid, one));
    const more = messages.length < range.length;
    return response.end(JSON.stringify({ epoch: 'e', top: log.length, more, messages }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    present,
    streams,
    say(roomid: string, times: number, at: number) {
      const log = logs.get(roomid) ?? [];
      logs.set(roomid, log);
      for (let n = 0; n < times; n += 1) log.push({ seq: log.length + 1, at });
    },
  };
}

describe('roomcast tail without a room', () => {
  async function tail(url: string) {
    const print = createPrinted();
    const stop = new AbortController();
    const quick = { retryMs: 5, checkMs: 20 };
    const ended = runTail(['--url', url], { settings: SETTINGS, signal: stop.signal, print, ...quick });
    const lines = () => print.text().out.split('\n').filter(Boolean);
    return {
      texts: () => lines().map((line) => line.replace(/^.* Ann: /, '')),
      async end() {
        stop.abort();
        expect(await ended).toBe(0);
      },
    };
  }
  const LONG_AGO = Date.now() - 3_600_000;
  const later = () => Date.now() + 1_000;

  it('begins a room that is new with its first message since the start, however many there are', async () => {
    const server = await openRooms();
    server.say('old', 3, LONG_AGO);
    server.present.add('old');
    const { texts, end } = await tail(server.url);
    await eventually(() => expect(server.streams.map(({ roomid }) => roomid)).toEqual(['old']));
    server.say('busy', 300, LONG_AGO);
    server.say('busy', 450, later());
    server.present.add('busy');
    await eventually(() => expect(texts()).toHaveLength(450));
    expect([texts()[0], texts().at(-1)]).toEqual(['busy 301', 'busy 750']);
    await end();
  });

  it('drops a room that nobody is in any more, and goes on where it was when somebody returns', async () => {
    const server = await openRooms();
    server.present.add('tea');
    const { texts, end } = await tail(server.url);
    await eventually(() => expect(server.streams).toMatchObject([{ roomid: 'tea', open: true }]));
    server.present.delete('tea');
    await eventually(() => expect(server.streams).toMatchObject([{ roomid: 'tea', open: false }]));
    server.say('sea', 2, later());
    server.present.add('sea');
    await eventually(() => expect(texts()).toEqual(['sea 1', 'sea 2']));
    server.present.delete('sea');
    await eventually(() => expect(server.streams.at(-1)).toMatchObject({ roomid: 'sea', open: false }));
    server.say('sea', 1, later());
    server.present.add('sea');
    await eventually(() => expect(texts()).toEqual(['sea 1', 'sea 2', 'sea 3']));
    expect(server.streams.at(-1)).toMatchObject({ roomid: 'sea', after: 'e:2' });
    await end();
  });
});

it('roomcast tail gives up an address that never answers, after five tries', async () => {
  const print = createPrinted();
  const signal = new AbortController().signal;
  const url = 'http://127.0.0.1:9';
  const code = await runTail(['tea', '--url', url], { settings: SETTINGS, signal, print, retryMs: 5 });
  expect(code).toBe(1);
  const lines = print.text().err.split('\n').filter(Boolean);
  expect(lines).toHaveLength(5);
  expect(lines.at(-1)).toBe(`roomcast tail: ${url}: the server does not answer`);
});
