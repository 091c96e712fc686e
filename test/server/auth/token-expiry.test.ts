import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Identity } from '../../../src/chat/identity.ts';
import { roomOf } from '../../../src/chat/room.ts';
import { MEMBER_RIGHTS } from '../../../src/protocol/rights.ts';
import { createTokenExpiry } from '../../../src/server/auth/token-expiry.ts';
import type { Membership, Session } from '../../../src/server/session.ts';
import type { ClientSocket } from '../../../src/server/socket-types.ts';
import { emitting } from '../../support/emitting.ts';
import { partOf } from '../../support/part-of.ts';

const DAY_MS = 86_400_000;
const LEEWAY_MS = 5_000;
const BYE = { code: 3500, reconnect: true, afterMs: 0 };

interface Told {
  readonly event: string;
  readonly data: unknown;
}

function openConnection() {
  const connection = {
    told: [] as Told[],
    flushed: [] as string[],
    closed: 0,
    conn: partOf<ClientSocket['conn']>({
      close() {
        connection.closed += 1;
      },
    }),
  };
  return connection;
}

function sessionOn(
  connection: ReturnType<typeof openConnection>,
  expiresAt: number | undefined,
  connected = true,
) {
  const socket = partOf<ClientSocket>({
    conn: connection.conn,
    connected,
    emit: emitting((event, data) => connection.told.push({ event, data })),
  });
  const access = { rightsIn: () => MEMBER_RIGHTS, ...(expiresAt === undefined ? {} : { expiresAt }) };
  const memberships = new Map([['tea', partOf<Membership>({ room: roomOf('/', 'tea') })]]);
  return partOf<Session>({ socket, identity: partOf<Identity>({ access }), memberships });
}

describe('the clock of tokens', () => {
  let clock: ReturnType<typeof createTokenExpiry>;
  let connection: ReturnType<typeof openConnection>;

  beforeEach(() => {
    vi.useFakeTimers();
    connection = openConnection();
    clock = createTokenExpiry({
      now: Date.now,
      flush: ({ roomid }) => void connection.flushed.push(`${roomid} after ${connection.told.length}`),
    });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('warns a minute before the end, then sends bye and closes the connection 5 s after it, as the handshake does', () => {
    clock.watch(sessionOn(connection, Date.now() + 3_600_000));
    vi.advanceTimersByTime(3_539_999);
    expect(connection.told).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(connection.told).toEqual([{ event: 'token:expiring', data: { inMs: 60_000 } }]);
    vi.advanceTimersByTime(64_999);
    expect([connection.told.length, connection.closed]).toEqual([1, 0]);
    vi.advanceTimersByTime(1);
    expect(connection.told.slice(1)).toEqual([{ event: 'bye', data: expect.objectContaining(BYE) }]);
    expect(connection.closed).toBe(1);
    vi.advanceTimersByTime(DAY_MS);
    expect([connection.told.length, connection.closed]).toEqual([2, 1]);
  });

  it('warns at once if less than a minute is left', () => {
    clock.watch(sessionOn(connection, Date.now() + 1_500));
    expect(connection.told).toEqual([{ event: 'token:expiring', data: { inMs: 1_500 } }]);
    vi.advanceTimersByTime(1_500 + LEEWAY_MS);
    expect(connection.closed).toBe(1);
  });

  it('warns a client whose token has just ended, and leaves time to renew it', () => {
    clock.watch(sessionOn(connection, Date.now() - 2_000));
    expect(connection.told).toEqual([{ event: 'token:expiring', data: { inMs: 0 } }]);
    vi.advanceTimersByTime(LEEWAY_MS - 2_001);
    expect(connection.closed).toBe(0);
    vi.advanceTimersByTime(1);
    expect(connection.closed).toBe(1);
  });

  it('ends a connection at once whose token ended while it was opened', () => {
    clock.watch(sessionOn(connection, Date.now() - LEEWAY_MS));
    expect(connection.told).toEqual([{ event: 'bye', data: expect.objectContaining(BYE) }]);
    expect(connection.closed).toBe(1);
  });

  it('starts nothing for a token without an end, nor for a connection that is gone', () => {
    clock.watch(sessionOn(connection, undefined));
    clock.watch(sessionOn(connection, Date.now() + 1_000, false));
    expect(vi.getTimerCount()).toBe(0);
    expect(connection.told).toEqual([]);
  });

  it('uses the new end after a refresh', () => {
    const session = sessionOn(connection, Date.now() + 1_000);
    clock.watch(session);
    session.identity = sessionOn(connection, Date.now() + DAY_MS).identity;
    clock.watch(session);
    vi.advanceTimersByTime(DAY_MS - 60_001);
    expect([connection.told.length, connection.closed]).toEqual([1, 0]);
    vi.advanceTimersByTime(60_001 + LEEWAY_MS);
    expect(connection.closed).toBe(1);
  });

  it('forgets closed connections', () => {
    const session = sessionOn(connection, Date.now() + DAY_MS);
    clock.watch(session);
    clock.forget(session);
    clock.forget(session);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('waits for months, which is longer than a timer can', () => {
    clock.watch(sessionOn(connection, Date.now() + 100 * DAY_MS));
    vi.advanceTimersByTime(100 * DAY_MS - 60_001);
    expect([connection.told, connection.closed]).toEqual([[], 0]);
    vi.advanceTimersByTime(60_001 + LEEWAY_MS);
    expect(connection.closed).toBe(1);
  });

  it('sends bye in every namespace of a connection that it closes', () => {
    clock.watch(sessionOn(connection, Date.now() + 1_000));
    clock.watch(sessionOn(connection, Date.now() + DAY_MS));
    vi.advanceTimersByTime(1_000 + LEEWAY_MS);
    expect(connection.told.map(({ event }) => event)).toEqual(['token:expiring', 'bye', 'bye']);
    // What was said in its rooms goes before.
    expect(connection.flushed).toEqual(['tea after 1', 'tea after 2']);
    expect(connection.closed).toBe(1);
  });
});
