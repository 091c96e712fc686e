import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { createHookPost } from '../../../src/server/hooks/post.ts';
import { eventually } from '../../support/eventually.ts';
import { HOOK_SECRET, openHookReceiver } from '../../support/hook-receiver.ts';
import { freePorts } from '../../support/ports.ts';

const README = readFileSync(new URL('../../../src/server/hooks/README.md', import.meta.url), 'utf8');

it('the receiver of the README takes what is signed, names each event once, and refuses what is forged', async () => {
  const source = /```js\n([\s\S]*?)```/.exec(README)?.[1] ?? '';
  const port = await freePorts(1);
  const receiver = spawn(process.execPath, ['--input-type=module', '-e', source], {
    env: { ...process.env, PORT: String(port), HOOK_SECRET },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(async () => {
    receiver.kill('SIGKILL');
    await once(receiver, 'exit');
  });
  let printed = '';
  receiver.stdout.on('data', (text) => {
    printed += text;
  });
  const url = `http://127.0.0.1:${port}/`;
  const post = (secret: string, now: () => number) => createHookPost({ url, secret, timeoutMs: 5_000, now });
  const event = { id: 'e1', type: 'message', at: 1, ns: '/', roomid: 'lobby', message: {} };
  const body = JSON.stringify({ events: [event] });
  await eventually(async () =>
    expect(await post(HOOK_SECRET, Date.now)(body)).toEqual({ taken: true, text: '' }),
  );
  expect(await post(HOOK_SECRET, Date.now)(body)).toEqual({ taken: true, text: '' });
  const refused = { taken: false, reason: 'status 401', status: 401 };
  expect(await post('another secret', Date.now)(body)).toEqual(refused);
  expect(await post(HOOK_SECRET, () => Date.now() - 3_600_000)(body)).toEqual(refused);
  await eventually(() => expect(printed).toBe('message lobby e1\n'));
});

it('a request ends at once when its sender closes, and when the answer is late', async () => {
  const receiver = await openHookReceiver();
  onTestFinished(() => receiver.kill());
  receiver.answer(() => new Promise(() => undefined));
  const post = (timeoutMs: number) =>
    createHookPost({ url: receiver.url, secret: HOOK_SECRET, timeoutMs, now: Date.now });
  const closing = new AbortController();
  const ended = post(600_000)('{}', closing.signal);
  await eventually(() => expect(receiver.seen.requests).toBe(1));
  closing.abort();
  expect(await ended).toEqual({ taken: false, reason: 'AbortError' });
  expect(await post(600_000)('{}', closing.signal)).toEqual({ taken: false, reason: 'AbortError' });
  expect(await post(1)('{}')).toEqual({ taken: false, reason: 'TimeoutError', timedOut: true });
});
