import pino from 'pino';
import { expect, it, vi } from 'vitest';
import { refuse, succeed } from '../../src/protocol/codes.ts';
import type { AcceptedHandshake } from '../../src/server/auth/handshake.ts';
import { createHandshakes } from '../../src/server/handshakes.ts';
import type { ClientSocket } from '../../src/server/socket-types.ts';
import { ConnectionBudget, Traffic } from '../../src/server/transport/connection-budget.ts';

const NO_RATES = { events: undefined, bytes: undefined };

/** A connection whose handshakes are answered by hand, one after the other. */
function connection() {
  const answers: ((accepted: boolean) => void)[] = [];
  const budget = new ConnectionBudget(new Traffic(NO_RATES, () => 0));
  const conn = { close: vi.fn() };
  const handshakes = createHandshakes({
    authenticate: () =>
      new Promise((resolve) => {
        answers.push((accepted) =>
          resolve(accepted ? succeed({} as AcceptedHandshake) : refuse('unauthorized', 'no')),
        );
      }),
    connectionLimits: { budgetOf: () => budget },
    connects: { enter: async () => succeed(0), expect: () => undefined } as never,
    rateAdmit: 0,
    metrics: { handshakesRefused: { inc: () => undefined }, deferred: () => undefined } as never,
    log: pino({ level: 'silent' }),
  });
  const enter = (name: string) => {
    const socket = { conn, nsp: { name }, handshake: {} } as unknown as ClientSocket;
    return { socket, checked: handshakes.check(socket) };
  };
  return { conn, handshakes, answers, enter };
}

it('a connection that enters a namespace twice at once is closed, and enters once', async () => {
  const { conn, handshakes, answers, enter } = connection();
  const [first, second] = [enter('/'), enter('/')];
  expect((await second.checked)?.message).toBe('this connection is entering the namespace already');
  expect(conn.close).toHaveBeenCalledOnce();
  answers[0]?.(true);
  expect(await first.checked).toBeUndefined();
  expect([handshakes.take(first.socket), handshakes.take(second.socket)]).toEqual([
    { accepted: {}, queueKey: undefined },
    undefined,
  ]);
});

it('a connection may enter several namespaces at once, and one that refused it again', async () => {
  const { conn, answers, enter } = connection();
  const [main, other] = [enter('/'), enter('/post')];
  answers[0]?.(false);
  answers[1]?.(true);
  expect((await main.checked)?.message).toBe('no');
  expect(await other.checked).toBeUndefined();
  const again = enter('/');
  answers[2]?.(true);
  expect(await again.checked).toBeUndefined();
  expect(conn.close).not.toHaveBeenCalled();
});
