import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import type { ChatContext } from '../../src/server/context.ts';
import { dispatch } from '../../src/server/dispatch.ts';
import { createEventQueue } from '../../src/server/event-queue.ts';
import type { Session } from '../../src/server/session.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const context = {
  admission: {
    visit: (_who: object, run: (pass: unknown) => unknown) => run((task: () => unknown) => task()),
  },
  slowClients: { caughtUp: () => undefined },
  metrics: { refused: { inc: () => undefined } },
} as unknown as ChatContext;

function openSession() {
  const queue = createEventQueue();
  const refused: { readonly event: string }[] = [];
  const socket = { conn: {}, emit: (_name: string, refusal: { event: string }) => refused.push(refusal) };
  const session = { queue, socket, memberships: new Map(), takeToSay: () => 0 } as unknown as Session;
  return { session, queue, refused };
}

describe('an event of a client', () => {
  it.each(['leave', 'room:history'])('%s keeps nothing of its unknown keys while it waits', async (event) => {
    const { session, queue } = openSession();
    void queue.run('inTurn', 0, () => new Promise(() => {}));
    const unknownKeys: WeakRef<object>[] = [];
    for (let n = 0; n < 20; n += 1) {
      const junk = Array.from({ length: 1_000 }, () => []);
      unknownKeys.push(new WeakRef(junk));
      void dispatch(session, context, { event, args: [{ roomid: 'tea', junk }, () => undefined] });
    }
    await turn();
    await expect
      .poll(() => {
        collectGarbage();
        return unknownKeys.filter((reference) => reference.deref() !== undefined).length;
      })
      // The frame of this test may hold the last.
      .toBeLessThan(2);
  });

  it('of an unknown name is refused by the beginning of that name, made printable', async () => {
    const { session, refused } = openSession();
    await dispatch(session, context, { event: `\u0000${'é'.repeat(600_000)}`, args: [{}] });
    expect(refused).toMatchObject([{ event: `?${'é'.repeat(63)}`, error: { code: 'bad_request' } }]);
  });
});
