import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { inboxOf, roomOf } from '../../../src/chat/room.ts';
import { eventually } from '../../support/eventually.ts';
import { type ApiStage, openApiStage } from './api-stage.ts';

describe('moderation by HTTP', () => {
  let stage: ApiStage;
  let roomid = '';
  let path = '';
  beforeAll(async () => {
    stage = await openApiStage();
  });
  afterAll(() => stage.close());
  beforeEach(() => {
    ({ roomid, path } = stage.newRoom());
    stage.store.fail(() => false);
    stage.degrade(false);
    stage.ordered.length = 0;
    stage.expected.length = 0;
  });
  const post = (what: string, body: unknown) => stage.ask('POST', `${path}/${what}`, { body });

  it('kicks through the workers, without storing it', async () => {
    const { status, json } = await post('kick', { userId: 12 });
    expect([status, json]).toEqual([200, { userId: '12', roomid }]);
    expect(stage.ordered).toEqual([{ nsp: '/', roomid, userId: '12', code: 'kicked' }]);
    const kept = await stage.store.moderation.restrictions(roomOf('/', roomid), '12');
    expect(kept).toEqual({ ok: true, value: {} });
  });

  it.each(['ban', 'mute'] as const)('stores a %s before the workers get it', async (kind) => {
    const { status, json } = await post(kind, { userId: 'Bob', seconds: 60 });
    expect([status, json]).toEqual([200, { userId: 'Bob', roomid, until: stage.store.now() + 60_000 }]);
    const code = kind === 'ban' ? 'banned' : 'muted';
    expect(stage.ordered).toEqual([{ nsp: '/', roomid, userId: 'Bob', code, until: json.until }]);
    const kept = await stage.store.moderation.restrictions(roomOf('/', roomid), 'Bob');
    expect(kept).toEqual({ ok: true, value: { [kind]: { until: json.until } } });
    stage.store.fail((what) => what === 'restrict');
    expect((await post(kind, { userId: 'Carl' })).status).toBe(503);
    expect(stage.ordered).toHaveLength(1);
  });

  it.each(['ban', 'mute'])(
    'lifts a %s, without a time as well, and says when there is none',
    async (kind) => {
      expect((await post(kind, { userId: 'Bob', seconds: null })).json).toEqual({ userId: 'Bob', roomid });
      const lift = () => stage.ask('DELETE', `${path}/${kind}/Bob`);
      const lifted = await lift();
      expect([lifted.status, lifted.json]).toEqual([200, { userId: 'Bob', roomid }]);
      const again = await lift();
      expect([again.status, again.json]).toMatchObject([404, { error: { code: 'not_found' } }]);
      await eventually(() => expect(stage.lines.at(-1)).toMatchObject({ method: 'DELETE', status: 404 }));
    },
  );

  it('works in the requested namespace', async () => {
    await stage.ask('POST', `${path}/ban?ns=/post`, { body: { userId: 'Bob' } });
    expect(stage.ordered).toMatchObject([{ nsp: '/post' }]);
    expect((await stage.ask('DELETE', `${path}/ban/Bob`)).status).toBe(404);
    expect((await stage.ask('DELETE', `${path}/ban/Bob?ns=/post`)).status).toBe(200);
  });

  it('does not report a kick that no worker could get', async () => {
    stage.degrade(true);
    expect((await post('kick', { userId: 'Bob' })).status).toBe(503);
    // A ban is kept: the store enforces it.
    expect((await post('ban', { userId: 'Bob' })).status).toBe(200);
  });

  it.each([
    ['userId:', {}],
    ['userId:', { userId: '' }],
    ['userId:', { userId: 2 ** 53 }],
    ['seconds:', { userId: 'Bob', seconds: 0 }],
    ['seconds:', { userId: 'Bob', seconds: 1.5 }],
    ['seconds:', { userId: 'Bob', seconds: '60' }],
    ['seconds:', { userId: 'Bob', seconds: 1e12 }],
  ])('refuses what it does not understand by %s of %j', async (field, body) => {
    const { status, json } = await post('ban', body);
    expect([status, (json.error as { message: string }).message]).toEqual([
      400,
      expect.stringMatching(new RegExp(`^${field} `)),
    ]);
    expect(stage.ordered).toEqual([]);
  });

  it('deletes a message once: its position stays, its text is gone, the room gets a notice', async () => {
    for (const text of ['one', 'secret']) await post('messages', { text, from: { userId: 'Ann' } });
    const [, before] = stage.store.entries(roomOf('/', roomid));
    const { id, at } = JSON.parse(before?.json ?? '{}') as { id: string; at: number };
    const { status, json } = await stage.ask('DELETE', `${path}/messages/2`);
    expect([status, json]).toEqual([200, { roomid, seq: 2 }]);
    const history = await stage.ask('GET', `${path}/messages`);
    expect((history.json.messages as unknown[])[1]).toEqual({
      event: 'broadcast_say',
      roomid,
      epoch: 'e1',
      seq: 2,
      id,
      at,
      deleted: true,
      data: { username: '', userId: '', text: '', type: 0 },
    });
    expect((history.json.messages as unknown[])[2]).toEqual({
      event: 'deleted',
      roomid,
      epoch: 'e1',
      seq: 3,
      id: expect.any(String),
      at: expect.any(Number),
      ref: 2,
    });
    expect(stage.expected).toEqual([1, 2, 3].map((seq) => ({ roomid, seq })));
  });

  it('answers the same for a deleted message, publishes nothing again, and deletes no deletion', async () => {
    await post('messages', { text: 'secret' });
    const remove = () => stage.ask('DELETE', `${path}/messages/1`);
    const answers = await Promise.all([remove(), remove(), remove()]);
    for (const { status, json } of answers) expect([status, json]).toEqual([200, { roomid, seq: 1 }]);
    expect(stage.store.entries(roomOf('/', roomid))).toHaveLength(2);
    expect((await stage.ask('DELETE', `${path}/messages/2`)).status).toBe(404);
    expect(stage.store.entries(roomOf('/', roomid))).toHaveLength(2);
  });

  it.each([
    ['3', 404],
    ['0', 400],
    ['x', 400],
  ])('finds no message %s', async (seq, wanted) => {
    await post('messages', { text: 'one' });
    expect((await stage.ask('DELETE', `${path}/messages/${seq}`)).status).toBe(wanted);
    expect(stage.store.entries(roomOf('/', roomid))).toHaveLength(1);
  });

  it('publishes nothing if no message was deleted', async () => {
    await post('messages', { text: 'one' });
    stage.store.fail((what) => what === 'amend');
    expect((await stage.ask('DELETE', `${path}/messages/1`)).status).toBe(503);
    expect(stage.store.entries(roomOf('/', roomid))).toHaveLength(1);
  });

  it('erases a user’s inbox, lets all workers compare it and leaves the connections alone', async () => {
    await stage.ask('POST', '/api/v1/push', { body: { users: ['Eve', 'Ann'], data: 1 } });
    stage.connect('Eve', 2);
    const { status, json } = await stage.ask('DELETE', '/api/v1/users/Eve');
    expect([status, json]).toEqual([200, { userId: 'Eve' }]);
    expect(stage.store.entries(inboxOf('/', 'Eve'))).toEqual([]);
    expect(stage.store.entries(inboxOf('/', 'Ann'))).toHaveLength(1);
    expect((await stage.ask('GET', '/api/v1/users/Eve')).json).toMatchObject({ connections: 2 });
    expect(stage.disconnected).toEqual([]);
    expect(stage.compared).toEqual([{ nsp: '/', userId: 'Eve' }]);
    stage.store.fail((what) => what === 'erase');
    expect((await stage.ask('DELETE', '/api/v1/users/Eve')).status).toBe(503);
    expect(stage.compared).toHaveLength(1);
  });
});
