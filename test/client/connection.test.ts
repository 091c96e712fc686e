import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { refuse } from '../../src/protocol/codes.ts';
import { eventually } from '../support/eventually.ts';
import { listen, openChatter } from './chatter.ts';
import { stageForEach } from './stage.ts';

const { fake, chatter, closeLater } = stageForEach();

const statesOf = ({ states }: { states: readonly { readonly state: string }[] }) =>
  states.map(({ state }) => state);

it('waits longer for an answer while the server answers others', async () => {
  const one = chatter({ answerTimeoutMs: 400 });
  const sea = await one.chat.join('sea');
  const before = one.states.length;
  let late = false;
  fake().script('join', ({ proceed }) => {
    setTimeout(() => {
      late = true;
      proceed();
    }, 1_000);
  });
  const joining = one.chat.join('tea');
  while (!late) await sea.say('still here');
  await joining;
  expect(one.states.slice(before)).toEqual([]);
});

describe('a bye', () => {
  it('brings the client back after the time that the server gave, not before', async () => {
    const one = chatter();
    const heard = listen(await one.chat.join('tea'));
    const byes: unknown[] = [];
    one.chat.on('bye', (bye) => byes.push(bye));
    fake().bye({ afterMs: 120, reason: 'this server is going away' });
    await eventually(() => expect(one.chat.state).toBe('offline'));
    const left = performance.now();
    fake().store('tea', 'meanwhile');
    await eventually(() => expect(heard.lines).toEqual(['replay meanwhile']));
    // The client handled the bye a little before this.
    expect(performance.now() - left).toBeGreaterThan(60);
    const offline = one.states.find(({ state }) => state === 'offline');
    expect(offline).toMatchObject({ reason: 'this server is going away' });
    expect(offline?.retryInMs).toBeGreaterThan(120);
    expect(byes).toMatchObject([{ code: 3001, afterMs: 120 }]);
  });

  it.each([
    ['that gives the client its place, at most a second later', { code: 3504, afterMs: 60_000 }, 60_999],
    ['with a wait beyond the longest timer, after the longest one', { afterMs: 2 ** 31 }, 2 ** 31 - 1],
  ])('brings the client back %s', async (_, bye, retryInMs) => {
    const one = chatter({ random: () => 0.999 });
    await one.chat.join('tea');
    fake().bye(bye);
    await eventually(() => expect(one.states.at(-1)).toMatchObject({ state: 'offline', retryInMs }));
  });

  it('without reconnect keeps the client away, fails what waits, and ends with reconnect()', async () => {
    const one = chatter();
    const room = await one.chat.join('tea');
    fake().script('say', () => fake().bye({ code: 3503, reconnect: false, reason: 'by an operator' }));
    const outcomes = await Promise.allSettled([room.say('sent'), room.say('not sent'), one.chat.join('tea')]);
    expect(outcomes).toMatchObject([
      { reason: { code: 'unknown' } },
      { reason: { code: 'closed', message: 'by an operator' } },
      { status: 'fulfilled' },
    ]);
    expect(one.states.at(-1)).toMatchObject({ state: 'closed', error: { code: 'closed' } });
    await expect(one.chat.join('sea')).rejects.toMatchObject({ code: 'closed' });

    one.chat.reconnect();
    expect((await room.say('back')).seq).toBe(1);
    expect(
      fake()
        .ask('join')
        .map(({ payload }) => payload.resume),
    ).toEqual([undefined, { epoch: 'e1', seq: 0 }]);
  });

  it('is not needed for a disconnect by the server, which is final too', async () => {
    const one = chatter();
    const room = await one.chat.join('tea');
    fake().script('say', ({ socket }) => socket.disconnect(true));
    await expect(room.say('hi')).rejects.toMatchObject({ code: 'unknown' });
    expect(one.chat.state).toBe('closed');
  });
});

describe('a refused connection', () => {
  it('is tried again after a temporary refusal, when the server says', async () => {
    fake().guard = () => refuse('unavailable', 'full', 50).error;
    const one = chatter();
    await eventually(() => expect(one.chat.state).toBe('offline'));
    expect(one.states.at(-1)).toMatchObject({ reason: 'full' });
    expect(one.states.at(-1)?.retryInMs).toBeGreaterThanOrEqual(50);
    fake().guard = undefined;
    await one.chat.join('tea');
  });

  it('is tried again when no server is there, after waits that grow to their limit', async () => {
    const one = openChatter('http://127.0.0.1:9', { random: () => 0.999 });
    closeLater(one.chat);
    await eventually(() =>
      expect(statesOf(one).filter((state) => state === 'offline').length).toBeGreaterThan(4),
    );
    const waits = one.states.flatMap(({ retryInMs }) => retryInMs ?? []);
    expect(waits.slice(0, 5)).toEqual([10, 20, 40, 40, 40]);
  });

  it('is given up after a permanent refusal, with its reason', async () => {
    fake().guard = () => refuse('bad_request', 'auth.username: too long').error;
    const one = chatter();
    const refused = { code: 'bad_request', message: 'auth.username: too long' };
    await expect(one.chat.join('tea')).rejects.toMatchObject(refused);
    expect(one.states).toMatchObject([{ state: 'closed', error: refused }]);
    expect(fake().auths).toHaveLength(1);
  });

  it('is given up for a namespace that the server lacks', async () => {
    await expect(chatter({ namespace: '/nowhere' }).chat.join('tea')).rejects.toMatchObject({
      code: 'not_found',
    });
  });

  it('is given up for a server with a later protocol', async () => {
    fake().hello = { protocol: 2 };
    await expect(chatter().chat.join('tea')).rejects.toMatchObject({ code: 'bad_request' });
  });

  it('is tried again when the server accepts it and says nothing', async () => {
    fake().mute = true;
    const one = chatter({ answerTimeoutMs: 200 });
    const joining = one.chat.join('tea');
    await eventually(() => expect(one.chat.state).toBe('offline'));
    fake().mute = false;
    await joining;
    expect(one.states[0]).toMatchObject({ state: 'offline', reason: 'the server does not answer' });
  });

  it('is replaced when the server does not answer a join', async () => {
    fake().script('join', () => undefined);
    const one = chatter({ answerTimeoutMs: 200 });
    await one.chat.join('tea');
    expect(one.states.find(({ state }) => state === 'offline')).toMatchObject({
      reason: 'no answer to join',
    });
    expect(fake().ask('join')).toHaveLength(2);
  });
});

describe('a browser whose network returns', () => {
  it('connects at once, except where the server asked for a wait', async () => {
    const network = new EventTarget();
    vi.stubGlobal('addEventListener', network.addEventListener.bind(network));
    vi.stubGlobal('removeEventListener', network.removeEventListener.bind(network));
    try {
      const one = chatter({ retryMinMs: 600_000, retryMaxMs: 600_000 });
      await one.chat.join('tea');
      fake().cut();
      await eventually(() => expect(one.chat.state).toBe('offline'));
      network.dispatchEvent(new Event('online'));
      await eventually(() => expect(fake().ask('join')).toHaveLength(2));
      fake().bye({ afterMs: 600_000 });
      await eventually(() => expect(one.chat.state).toBe('offline'));
      network.dispatchEvent(new Event('online'));
      expect(one.chat.state).toBe('offline');
      one.chat.reconnect();
      await eventually(() => expect(fake().ask('join')).toHaveLength(3));
      one.chat.close();
      const removed = vi.fn();
      vi.stubGlobal('removeEventListener', removed);
      const other = chatter();
      other.chat.close();
      expect(removed).toHaveBeenCalledWith('online', expect.any(Function));
    } finally {
      vi.unstubAllGlobals();
    }
  });
});

describe('tokens', () => {
  it('asks for another token once when one is refused', async () => {
    const token = vi.fn().mockResolvedValueOnce('old').mockResolvedValueOnce('new');
    fake().guard = ({ token: given }) =>
      given === 'new' ? undefined : refuse('unauthorized', 'expired').error;
    const { chat } = chatter({ token });
    await chat.join('tea');
    expect(fake().auths.map(({ token: given }) => given)).toEqual(['old', 'new']);
    fake().cut();
    await eventually(() => expect(fake().ask('join')).toHaveLength(2));
    expect(token).toHaveBeenCalledTimes(2);
  });

  it('gives up when the server refuses the new one too', async () => {
    const token = vi.fn().mockResolvedValue('bad');
    fake().guard = () => refuse('unauthorized', 'no').error;
    await expect(chatter({ token }).chat.join('tea')).rejects.toMatchObject({ code: 'unauthorized' });
    expect(token).toHaveBeenCalledTimes(2);
    await expect(chatter({ token: 'fixed' }).chat.join('tea')).rejects.toMatchObject({
      code: 'unauthorized',
    });
    expect(fake().auths).toHaveLength(3);
  });

  it('asks for another when the server says that the old one expired', async () => {
    const token = vi.fn().mockResolvedValueOnce('one').mockResolvedValueOnce('two');
    await chatter({ token }).chat.join('tea');
    fake().bye({ code: 3500, reason: 'expired' });
    await eventually(() => expect(fake().auths.map(({ token: given }) => given)).toEqual(['one', 'two']));
  });

  it('tries again when the application gives none', async () => {
    const token = vi.fn().mockRejectedValueOnce(new Error('login is down')).mockResolvedValue('one');
    const one = chatter({ token });
    await one.chat.join('tea');
    expect(one.states[0]).toMatchObject({ state: 'offline', reason: 'no token: login is down' });
  });
});

it('tells its connectId with every try, and every client has another one', async () => {
  const { chat } = chatter();
  await chat.join('tea');
  fake().cut();
  await eventually(() => expect(fake().ask('join')).toHaveLength(2));
  await chatter().chat.join('tea');
  const [first, again, other] = fake().connectIds;
  expect(first).toEqual(expect.any(String));
  expect(again).toBe(first);
  expect(other).toEqual(expect.any(String));
  expect(other).not.toBe(first);
});

it('has the connectId in its storage until it is in, so that a page that is reloaded keeps its place', async () => {
  const written: string[] = [];
  const storage = {
    get: (key: string) => (key === 'roomcast.connect' ? '"before the reload"' : undefined),
    set: (key: string, value: string) => {
      if (key === 'roomcast.connect') written.push(value);
    },
  };
  await chatter({ storage }).chat.join('tea');
  expect(fake().connectIds).toEqual(['before the reload']);
  expect(written).toEqual(['"before the reload"', 'null']);
});

describe('guests', () => {
  const claim = { userId: 'g-1', guestToken: 'proof of g-1' };

  it('keep their identity over reconnects, and over restarts with a storage', async () => {
    const entries = new Map<string, string>();
    const storage = {
      get: (key: string) => entries.get(key),
      set: (key: string, value: string) => void entries.set(key, value),
    };
    const { chat } = chatter({ userId: undefined, storage });
    await chat.join('tea');
    fake().cut();
    await eventually(() => expect(fake().ask('join')).toHaveLength(2));
    expect(chat.user?.id).toBe('g-1');
    chat.close();
    await chatter({ userId: undefined, storage }).chat.join('tea');
    expect(fake().auths).toEqual([{}, claim, { ...claim, inbox: { epoch: 'i1', seq: 0 } }]);
  });

  it('become new guests when the server does not know them any more', async () => {
    const { chat } = chatter({ userId: undefined });
    await chat.join('tea');
    fake().guard = ({ guestToken }) => (guestToken ? refuse('forbidden', 'who?').error : undefined);
    fake().cut();
    await eventually(() => expect(fake().ask('join')).toHaveLength(2));
    expect(fake().auths).toEqual([{}, claim, {}]);
    expect(chat.user?.id).toBe('g-2');
  });
});

describe('closing', () => {
  it.each([
    ['while it connects', async () => chatter()],
    [
      'while it waits to try again',
      async () => {
        fake().guard = () => refuse('unavailable', 'later', 60_000).error;
        const one = chatter();
        await eventually(() => expect(one.chat.state).toBe('offline'));
        return one;
      },
    ],
    [
      'while it joins',
      async () => {
        fake().script('join', () => undefined);
        const one = chatter();
        one.chat.join('tea').catch(() => undefined);
        await eventually(() => expect(fake().ask('join')).toHaveLength(1));
        return one;
      },
    ],
  ])('rejects joins %s, and stays closed', async (_when, start) => {
    const one = await start();
    const joining = one.chat.join('tea');
    one.chat.close();
    await expect(joining).rejects.toMatchObject({ code: 'closed' });
    one.chat.reconnect();
    expect(one.chat.state).toBe('closed');
    await expect(one.chat.join('tea')).rejects.toMatchObject({ code: 'closed' });
    await eventually(() => expect(fake().clients()).toBe(0));
  });

  it('inside any listener ends everything there', async () => {
    for (const event of ['state', 'hello', 'bye'] as const) {
      const one = chatter();
      one.chat.on(event, () => one.chat.close());
      one.chat.join('tea').then(
        () => fake().bye({}),
        () => undefined,
      );
      await eventually(() => expect(one.chat.state).toBe('closed'));
      expect(statesOf(one).filter((state) => state === 'closed')).toHaveLength(1);
    }
    fake().store('sea', 'one');
    fake().store('sea', 'two');
    const { chat } = chatter();
    const room = await chat.join('sea');
    const texts: string[] = [];
    room.on('message', ({ data }) => {
      texts.push(data.text);
      chat.close();
    });
    fake().post('sea', 'three');
    await eventually(() => expect(fake().clients()).toBe(0));
    expect(texts[0]).toBe('one');
    expect(texts).not.toContain('three');
  });

  it.each(['at once', 'offline', 'joined', 'saying'])(
    'leaves nothing that keeps a process alive, %s',
    async (when) => {
      if (when === 'saying') fake().script('say', () => undefined);
      const script = fileURLToPath(new URL('closing-client.ts', import.meta.url));
      const url = when === 'offline' ? 'http://127.0.0.1:9' : fake().url;
      const child = spawn(process.execPath, ['--import', 'tsx', script, url, when], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const exited = once(child, 'exit');
      await once(child.stdout, 'data');
      const closedAt = performance.now();
      expect((await exited)[0]).toBe(0);
      // The longest timer would keep the process alive for ten seconds.
      expect(performance.now() - closedAt).toBeLessThan(5_000);
    },
    30_000,
  );
});
