import { expect, it } from 'vitest';
import { roomOf } from '../../../src/chat/room.ts';
import type { ChatContext } from '../../../src/server/context.ts';
import { rename, renamed } from '../../../src/server/events/naming.ts';
import type { Membership, Session } from '../../../src/server/session.ts';
import { ConnectionBudget, Traffic } from '../../../src/server/transport/connection-budget.ts';
import { partOf } from '../../support/part-of.ts';
import { knownIdentity } from '../known-identity.ts';

const ROOMS = 50;

it('a new name costs as many of the connection’s events as the rooms that it is written to, the same name nothing', async () => {
  const budget = new ConnectionBudget(
    new Traffic({ events: { perMs: 0.1, burst: 2 * ROOMS }, bytes: undefined }, () => 0),
  );
  const rooms = Array.from({ length: ROOMS }, (_, n) => `room ${n}`);
  const user = { id: 'ann', name: 'Ann' };
  const session = partOf<Session>({
    budget,
    user,
    identity: knownIdentity(user),
    memberships: new Map(
      rooms.map((roomid) => [roomid, partOf<Membership>({ room: roomOf('/', roomid) })] as const),
    ),
  });
  const written: string[] = [];
  const context: Pick<ChatContext, 'presence' | 'textmsgAudience'> = {
    presence: partOf<ChatContext['presence']>({
      rename: async ({ roomid }, { username }) => void written.push(`${roomid} ${username}`),
    }),
    textmsgAudience: partOf<ChatContext['textmsgAudience']>({ moved: async () => undefined }),
  };
  const take = (username: string) => rename(session, renamed(session, { username }), context);
  await take('Bea');
  await take('Bea');
  expect(written).toEqual(rooms.map((roomid) => `${roomid} Bea`));
  expect(budget.traffic.take(ROOMS)).toBe(0);
  await take('Ann');
  expect(budget.traffic.take(0)).toBeGreaterThan(0);
});
