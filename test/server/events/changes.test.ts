import { expect, it } from 'vitest';
import { createMessageChanges } from '../../../src/chat/message-changes.ts';
import { refuseRestricted } from '../../../src/chat/moderation.ts';
import { roomOf } from '../../../src/chat/room.ts';
import { MEMBER_RIGHTS, RIGHTS } from '../../../src/protocol/rights.ts';
import type { ChatContext } from '../../../src/server/context.ts';
import { edit, react } from '../../../src/server/events/changes.ts';
import { EVENTS } from '../../../src/server/events/index.ts';
import type { Session } from '../../../src/server/session.ts';
import { draftOf, granted } from '../../contract/peers.ts';
import { FREE_PERMIT } from '../../support/free-permit.ts';
import { createMemoryStore } from '../../support/memory-store.ts';

const room = roomOf('/', 'tea');

async function stage() {
  const store = createMemoryStore();
  granted(await store.logs.append(room, draftOf(room, 'x'.repeat(5_000))));
  const charged: number[] = [];
  const restricted: string[] = [];
  const feeds = { expectEcho: () => undefined };
  const session = {
    user: { id: 'bob', name: 'Bob' },
    identity: { user: { id: 'bob' }, known: true, access: { rightsIn: () => MEMBER_RIGHTS } },
    defaultRoom: 'tea',
    memberships: new Map([['tea', { room }]]),
    budget: { traffic: { chargeBytes: (bytes: number) => void charged.push(bytes) } },
  } as unknown as Session;
  const context = {
    changes: createMessageChanges({ logs: store.logs, feeds, newId: () => 'id' }),
    limits: { maxTextBytes: 8_192 },
    enforcement: {
      connectionRefusal: () => undefined,
      onRefused: (_: unknown, userId: string) => void restricted.push(userId),
    },
  } as unknown as ChatContext;
  return { session, context, charged, restricted };
}

it('a reaction costs its connection the reactions that the store writes again, once, and not the text', async () => {
  const { session, context, charged } = await stage();
  const payload = { seq: 1, reaction: '+1', on: true } as const;
  for (let n = 0; n < 2; n += 1) {
    expect(await react.run(session, payload as never, context, () => undefined, FREE_PERMIT)).toMatchObject({
      ok: true,
    });
  }
  const beside = '"reactions":[{"reaction":"+1","count":1,"users":["bob"]}]';
  expect(charged).toEqual([beside.length]);
});

it('a moderator whose ban this worker has missed deletes nothing', async () => {
  const { session, context } = await stage();
  const remove = (by: Session) =>
    EVENTS.delete.run(by, { seq: 1 } as never, context, () => undefined, FREE_PERMIT);
  const guard = {
    ...session,
    identity: { ...session.identity, access: { rightsIn: () => RIGHTS } },
  } as Session;
  const banned = refuseRestricted('ban');
  Object.assign(context.enforcement, { banOf: async () => banned });
  expect(await remove(guard)).toEqual(banned);
  Object.assign(context.enforcement, { banOf: async () => undefined });
  expect(await remove(guard)).toMatchObject({ ok: true });
});

it('an edit of another’s message asks no store whether its author is banned', async () => {
  const { session, context, restricted } = await stage();
  const payload = { seq: 1, text: 'mine' };
  expect(await edit.run(session, payload as never, context, () => undefined, FREE_PERMIT)).toMatchObject({
    error: { code: 'forbidden' },
  });
  expect(restricted).toEqual([]);
});
