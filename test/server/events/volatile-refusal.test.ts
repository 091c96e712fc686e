import { describe, expect, it } from 'vitest';
import { roomOf } from '../../../src/chat/room.ts';
import { type Refusal, refuse } from '../../../src/protocol/codes.ts';
import { signal } from '../../../src/server/events/signal.ts';
import type { Membership, Session } from '../../../src/server/session.ts';
import { FREE_PERMIT } from '../../support/free-permit.ts';

const MUTED = refuse('forbidden', 'roomid: muted in this room');

function stage() {
  const answers: ((refusal?: Refusal) => void)[] = [];
  const sent: string[] = [];
  const membership = { room: roomOf('/', 'tea') } as Membership;
  const session = {
    socket: {},
    user: { id: 'ann', name: 'Ann' },
    identity: { access: { rightsIn: () => ['read', 'say'] } },
    defaultRoom: 'tea',
    memberships: new Map([['tea', membership]]),
  } as unknown as Session;
  const removed: string[] = [];
  const context = {
    enforcement: {
      refusalOf: () => new Promise<Refusal | undefined>((resolve) => answers.push(resolve)),
      connectionRefusal: () => undefined,
      onRefused: (_room: unknown, userId: string) => void removed.push(userId),
    },
    signals: { send: (_from: unknown, _room: unknown, { name }: { name: string }) => void sent.push(name) },
  };
  const send = (name: string) =>
    signal.run(session, { name } as never, context as never, () => undefined, FREE_PERMIT);
  return { answers, sent, removed, membership, session, send };
}

/** Lets everything go on that waits for nothing but promises. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('signals of one connection', () => {
  it('ask the store once when they arrive together, and keep their order', async () => {
    const { answers, sent, send } = stage();
    const acks = [send('1'), send('2'), send('3')];
    await settled();
    expect(answers).toHaveLength(1);
    answers[0]?.();
    await settled();
    acks.push(send('4'));
    expect(await Promise.all(acks)).toEqual(acks.map(() => ({ ok: true, value: {} })));
    expect(sent).toEqual(['1', '2', '3', '4']);
    expect(answers).toHaveLength(1);
  });

  it('do not overtake those that wait for an answer from before a mute, and ask again', async () => {
    const { answers, sent, membership, send } = stage();
    void send('1');
    membership.mutedAt = performance.now();
    const later = [send('2'), send('3')];
    await settled();
    expect(answers).toHaveLength(1);
    answers[0]?.();
    await settled();
    expect([sent, answers.length]).toEqual([['1'], 2]);
    answers[1]?.(MUTED);
    expect(await Promise.all(later)).toEqual([MUTED, MUTED]);
    expect(sent).toEqual(['1']);
  });

  it('share a refusal, and ask again after it', async () => {
    const { answers, sent, removed, send } = stage();
    const refused = [send('1'), send('2')];
    await settled();
    answers[0]?.(MUTED);
    expect(await Promise.all(refused)).toEqual([MUTED, MUTED]);
    expect(removed).toEqual(['ann']);
    const unmuted = send('3');
    await settled();
    answers[1]?.();
    await unmuted;
    expect(sent).toEqual(['3']);
  });

  it('ask for the user that the connection has now', async () => {
    const { answers, session, send } = stage();
    void send('1');
    session.user = { id: 'bob', name: 'Bob' };
    void send('2');
    await settled();
    answers[0]?.();
    await settled();
    expect(answers).toHaveLength(2);
  });
});
