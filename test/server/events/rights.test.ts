import { describe, expect, it } from 'vitest';
import { type EventName, PAYLOADS } from '../../../src/protocol/payloads.ts';
import { RIGHTS, type Right } from '../../../src/protocol/rights.ts';
import type { ChatContext, EventHandler } from '../../../src/server/context.ts';
import { EVENTS } from '../../../src/server/events/index.ts';
import type { Session } from '../../../src/server/session.ts';
import { FREE_PERMIT } from '../../support/free-permit.ts';

/** The right that each event needs, with a payload that is otherwise in order; undefined: the event is about no room. */
const NEEDED: { readonly [E in EventName]: readonly [needs: Right, payload: unknown] | undefined } = {
  join: ['read', {}],
  leave: undefined,
  say: ['say', { text: 'x' }],
  edit: ['say', { seq: 1, text: 'x' }],
  delete: ['say', { seq: 1 }],
  react: ['react', { seq: 1, reaction: '+' }],
  moderate: ['moderate', { action: 'kick', userId: 'bob' }],
  'room:history': ['read', {}],
  'room:members': ['read', {}],
  'room:read': ['read', { seq: 1 }],
  // The answer leaves rooms without the right out.
  'rooms:mine': undefined,
  typing: ['say', { on: true }],
  signal: ['say', { name: 'x' }],
  user_login: undefined,
  'token:refresh': undefined,
  private: ['say', { toName: 'Bob', text: 'x' }],
  todo: undefined,
  textmsg: ['say', 'x'],
  'inbox:list': undefined,
  'inbox:ack': undefined,
  'receipts:list': undefined,
  block: undefined,
  'blocks:list': undefined,
  close: undefined,
};

const events = Object.entries(NEEDED).flatMap(([event, needed]) =>
  needed ? [[event as EventName, ...needed] as const] : [],
);

async function answerTo(event: EventName, sent: unknown, can: readonly Right[]): Promise<unknown> {
  // Casts, because handlers take more out of both than they use before the refusal. Whoever goes on throws.
  const session = {
    socket: { connected: true, nsp: { name: '/' } },
    user: { id: 'ann', name: 'Ann' },
    identity: { access: { rightsIn: () => can } },
    defaultRoom: 'tea',
    hearsTextmsg: true,
    memberships: new Map([['tea', {}]]),
  } as unknown as Session;
  const context = { limits: { maxTextBytes: 100 } } as ChatContext;
  const handler = EVENTS[event] as EventHandler<never>;
  return handler.run(
    session,
    PAYLOADS[event].parse(sent) as never,
    context,
    (() => undefined) as never,
    FREE_PERMIT,
  );
}

describe('an event that is about a room', () => {
  it.each(events)('%s is refused without the right %s, before anything else', async (event, needs, sent) => {
    const others = event === 'delete' ? ['say', 'moderate'] : [needs];
    const can = RIGHTS.filter((right) => !others.includes(right));
    for (const rights of [can, []]) {
      const message = `roomid: the right ${needs} is missing in tea`;
      const error = { code: 'forbidden', message, temporary: false };
      expect(await answerTo(event, sent, rights)).toEqual({ ok: false, error });
    }
    await expect(answerTo(event, sent, [needs])).rejects.toThrow();
  });

  it('delete is open to a moderator who may not say anything', async () => {
    await expect(answerTo('delete', { seq: 1 }, ['read', 'moderate'])).rejects.toThrow();
  });
});
