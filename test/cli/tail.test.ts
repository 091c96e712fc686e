import { describe, expect, it } from 'vitest';
import { createEventParser, type SentEvent } from '../../src/cli/event-source.ts';
import { runTail } from '../../src/cli/tail.ts';
import { lineOf } from '../../src/cli/tail-lines.ts';
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
