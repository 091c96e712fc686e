import { describe, expect, it, vi } from 'vitest';
import { refuse } from '../../src/protocol/codes.ts';
import { eventually } from '../support/eventually.ts';
import { listen } from './chatter.ts';
import { refusal } from './fake-chat.ts';
import { stageForEach } from './stage.ts';

const { fake, chatter } = stageForEach();

const tokens = () => fake().auths.map(({ token }) => token);
const refreshed = () =>
  fake()
    .ask('token:refresh')
    .map(({ payload }) => payload.token);
const expire = (inMs = 60_000) => fake().emit('token:expiring', { inMs });

describe('a token that ends', () => {
  it('is replaced before its end, and the next connection uses the new one', async () => {
    const token = vi.fn().mockResolvedValueOnce('one').mockResolvedValueOnce('two');
    const { chat, states } = chatter({ token });
    const warned: unknown[] = [];
    chat.on('token:expiring', (warning) => warned.push(warning));
    await chat.inbox.list();
    expire();
    await eventually(() => expect(refreshed()).toEqual(['two']));
    await chat.inbox.list();
    expect(warned).toEqual([{ inMs: 60_000 }]);
    expect(states.map(({ state }) => state)).toEqual(['online']);
    fake().cut();
    await eventually(() => expect(tokens()).toEqual(['one', 'two']));
    expect(token).toHaveBeenCalledTimes(2);
  });

  it('that was given as it is only tells the application', async () => {
    const { chat } = chatter({ token: 'fixed' });
    const warned = vi.fn();
    chat.on('token:expiring', warned);
    await chat.inbox.list();
    expire();
    await eventually(() => expect(warned).toHaveBeenCalledOnce());
    await chat.inbox.list();
    expect(refreshed()).toEqual([]);
  });

  it('is replaced by coming back at once when no other could be had before', async () => {
    const down = new Error('login is down');
    const token = vi
      .fn()
      .mockResolvedValueOnce('one')
      .mockRejectedValueOnce(down)
      .mockResolvedValueOnce('two');
    const one = chatter({ token, retryMinMs: 600_000, retryMaxMs: 600_000 });
    const heard = listen(await one.chat.join('tea'));
    expire();
    await eventually(() => expect(one.errors).toEqual([down]));
    expect(one.chat.state).toBe('online');
    fake().bye({ code: 3500, reason: 'expired' });
    await eventually(() => expect(tokens()).toEqual(['one', 'two']));
    await eventually(() => expect(heard.joins).toHaveLength(2));
    expect(one.states).toContainEqual({ state: 'offline', reason: 'expired', retryInMs: 0 });
  });

  it('is not replaced by one that the server refuses', async () => {
    const token = vi
      .fn()
      .mockResolvedValueOnce('one')
      .mockResolvedValueOnce('bad')
      .mockResolvedValueOnce('two');
    const { chat } = chatter({ token });
    await chat.inbox.list();
    fake().script('token:refresh', refusal('unauthorized', 'token: not one of ours'));
    expire();
    await eventually(() => expect(refreshed()).toEqual(['bad']));
    await chat.inbox.list();
    fake().guard = ({ token: given }) => (given === 'one' ? refuse('unauthorized', 'over').error : undefined);
    fake().cut();
    await eventually(() => expect(tokens()).toEqual(['one', 'one', 'two']));
  });

  it('is not asked for again and again when each lives shorter than the warning', async () => {
    let made = 0;
    const token = vi.fn(async () => {
      made += 1;
      return `token ${made}`;
    });
    const { chat } = chatter({ token });
    await chat.inbox.list();
    const warnEachTime = () =>
      fake().script('token:refresh', ({ proceed }) => {
        proceed();
        warnEachTime();
        expire(30_000);
      });
    warnEachTime();
    expire(30_000);
    await eventually(() => expect(refreshed()).toHaveLength(1));
    for (let n = 0; n < 5; n += 1) await chat.inbox.list();
    expect(refreshed()).toHaveLength(1);
  });

  it('closes the rooms that the new one does not allow', async () => {
    const { chat } = chatter({ token: async () => 'any' });
    const [tea, sea] = [listen(await chat.join('tea')), listen(await chat.join('sea'))];
    fake().script('token:refresh', ({ ack }) => ack({ ok: true, left: ['tea'] }));
    expire();
    await eventually(() => expect(tea.closed).toEqual(['forbidden']));
    expect(sea.closed).toEqual([]);
    fake().cut();
    await eventually(() =>
      expect(
        fake()
          .ask('join')
          .map(({ payload }) => payload.roomid),
      ).toEqual(['tea', 'sea', 'sea']),
    );
  });

  it('tells the rights of a join, and those that the new one gives', async () => {
    const { chat } = chatter({ token: async () => 'any' });
    fake().script('join', ({ ack, proceed }) =>
      proceed((answer) => ack({ ...answer, can: ['read', 'say'] })),
    );
    const [tea, sea] = [await chat.join('tea'), await chat.join('sea')];
    const told: unknown[] = [];
    tea.on('rights', (can) => told.push(can));
    expect([tea.can, sea.can]).toEqual([['read', 'say'], undefined]);
    const can = [
      { roomid: 'tea', can: ['read'] },
      { roomid: 'milk', can: ['read'] },
    ];
    fake().script('token:refresh', ({ ack }) => ack({ ok: true, left: [], can }));
    expire();
    await eventually(() => expect(told).toEqual([['read']]));
    expect([tea.can, sea.can]).toEqual([['read'], undefined]);
  });
});
