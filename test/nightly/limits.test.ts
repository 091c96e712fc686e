import { SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { MAX_BATCH_REQUESTS, MAX_RESTRICTIONS } from '../../src/protocol/limits.ts';
import { systemFixture } from '../support/fixture.ts';
import type { Member } from '../support/member.ts';
import { MODES } from '../support/system.ts';
import { fullLimits, STORE_LIMITS } from '../system/store-limits.ts';

const SECRET = 'a-secret-that-is-long-enough-for-HS256';
const LIMIT_MS = 600_000;

const range = (count: number) => Array.from({ length: count }, (_, index) => index);

describe.each(MODES)('limits that take thousands of requests to reach, %s', { timeout: LIMIT_MS }, (mode) => {
  describe('over polling', () => {
    const fixture = systemFixture(mode, { ...STORE_LIMITS, RATE_SAY: '0' }, { workersEach: 1 });
    fullLimits(fixture, ['polling']);
  });

  describe('of a room’s bans and mutes', () => {
    const stage = systemFixture(mode, { AUTH_SECRET: SECRET, HOST: '127.0.0.1' }, { workersEach: 1 });

    /** Back ends have no such limit. */
    async function banByBackEnd(roomid: string, users: readonly string[]): Promise<void> {
      const requests = users.map((userId) => ({
        method: 'POST',
        path: `/api/v1/rooms/${roomid}/ban`,
        body: { userId },
      }));
      const answer = await fetch(`${stage.worker(0)}/api/v1/batch`, {
        method: 'POST',
        headers: { ...stage.system.keyHeader, 'content-type': 'application/json' },
        body: JSON.stringify({ requests }),
      });
      const { results } = (await answer.json()) as { results: { status: number }[] };
      expect(results.map(({ status }) => status)).toEqual(users.map(() => 200));
    }

    async function moderator(roomid: string, transport: 'websocket' | 'polling') {
      const token = await new SignJWT({
        sub: transport,
        rooms: [{ room: roomid, can: ['read', 'moderate'] }],
      })
        .setProtectedHeader({ alg: 'HS256' })
        .setExpirationTime('1h')
        .sign(new TextEncoder().encode(SECRET));
      return stage.enter(stage.at(1), roomid, transport, { auth: { token }, transports: [transport] });
    }

    it('let moderators put the last one on a room, and no further one', async () => {
      const roomid = stage.fresh('room');
      const users = range(MAX_RESTRICTIONS - 2).map((n) => `user-${n}`);
      for (let at = 0; at < users.length; at += MAX_BATCH_REQUESTS)
        await banByBackEnd(roomid, users.slice(at, at + MAX_BATCH_REQUESTS));
      const [ann, bob] = [await moderator(roomid, 'websocket'), await moderator(roomid, 'polling')];
      const ban = (by: Member, userId: string) => by.ask('moderate', { action: 'ban', userId });
      expect([await ban(ann, 'last but one'), await ban(bob, 'last')]).toEqual([{ ok: true }, { ok: true }]);
      const message = `userId: a room has at most ${MAX_RESTRICTIONS} bans and mutes by moderators`;
      const refused = { ok: false, error: { code: 'limit', message, temporary: false } };
      for (const member of [ann, bob]) {
        expect(await ban(member, 'one too many')).toEqual(refused);
        // One that is there already needs no further place.
        expect(await ban(member, 'last')).toEqual({ ok: true });
      }
      await ann.do('moderate', { action: 'unban', userId: 'user-0' });
      expect(await ban(bob, 'one too many')).toEqual({ ok: true });
      expect(await ban(ann, 'another')).toEqual(refused);
      await banByBackEnd(roomid, ['another']);
    });
  });
});
