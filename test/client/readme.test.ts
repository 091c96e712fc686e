import { expect, it, vi } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { runExample } from '../support/manual.ts';
import { memory } from './memory.ts';
import { stageForEach } from './stage.ts';

const { fake, chatter, closeLater } = stageForEach();

it('the offline example of the manual sends over a restart what it wrote without a connection', async () => {
  const stored = memory();
  vi.stubGlobal('localStorage', { getItem: stored.get, setItem: stored.set });
  const printed = vi.spyOn(console, 'log').mockImplementation(() => undefined);
  try {
    // Nobody answers at this address: the page is closed while the message waits.
    const page = await runExample('offline.mjs', 'http://127.0.0.1:1');
    await eventually(() => expect(stored.get('roomcast.outbox')).toContain('written in a tunnel'));
    await eventually(() => expect(printed).toHaveBeenCalledWith(1, 'not sent yet'));
    page.close();
    const { chat } = chatter({ userId: 'ann', storage: stored });
    chat.enter('tea');
    await eventually(() =>
      expect(
        fake()
          .ask('say')
          .map(({ payload }) => payload.text),
      ).toEqual(['written in a tunnel']),
    );
    closeLater(await runExample('offline.mjs', fake().url));
    await eventually(() => expect(fake().room('tea').log).toHaveLength(2));
    await eventually(() => expect(printed).toHaveBeenLastCalledWith(0, 'not sent yet'));
  } finally {
    printed.mockRestore();
    vi.unstubAllGlobals();
  }
});

it('the example with tokens asks for a token, and for another one when the server refuses it', async () => {
  const tokens = ['old', 'new'];
  const asked: string[] = [];
  vi.stubGlobal('fetch', async (path: string) => {
    asked.push(path);
    return new Response(tokens.shift() ?? 'new');
  });
  fake().guard = ({ token }) =>
    token === 'new' ? undefined : { code: 'unauthorized', message: 'no', temporary: false };
  try {
    closeLater(await runExample('tokens.mjs', fake().url));
    expect(asked).toEqual(['/chat-token', '/chat-token']);
    expect(fake().auths.map(({ token }) => token)).toEqual(['old', 'new']);
    expect(fake().ask('join')).toHaveLength(1);
  } finally {
    vi.unstubAllGlobals();
  }
});
