import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ClientSocket } from '../../../src/server/socket-types.ts';
import type { Connection } from '../../../src/server/transport/private-members.ts';
import { createSlowClients } from '../../../src/server/transport/slow-clients.ts';

const MAX_BYTES = 1_000;

function setUp() {
  const happened: string[] = [];
  const waiting = new Map<Connection, number>();
  const sockets: ClientSocket[] = [];
  const slowClients = createSlowClients({
    internals: {
      waitingBytes: (connection) => waiting.get(connection) ?? 0,
      dropPackets: () => void happened.push('dropped'),
      terminate: (connection) => {
        happened.push('terminated');
        connection.emit('close', '');
      },
    },
    sockets: () => sockets,
    maxBufferedBytes: MAX_BYTES,
    random: () => 0.5,
    log: pino({ level: 'silent' }),
  });
  function connect(namespaces = ['/']): Connection {
    const ends: (() => void)[] = [];
    const connection = {
      readyState: 'open',
      once: (_event: string, listener: () => void) => void ends.push(listener),
      listeners: () => ends,
      emit() {
        connection.readyState = 'closed';
        for (const end of ends) end();
      },
      close() {
        happened.push('closed');
        connection.readyState = 'closing';
      },
    };
    for (const nsp of namespaces) {
      const emit = (event: string, data: { code: number }) => happened.push(`${nsp} ${event} ${data.code}`);
      sockets.push({ conn: connection, emit } as unknown as ClientSocket);
    }
    return connection as unknown as Connection;
  }
  return {
    slowClients,
    connect,
    happened,
    wait: (connection: Connection, bytes: number) => void waiting.set(connection, bytes),
  };
}

describe('a client that reads too slowly', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it('gets a bye in each namespace, is closed, and is terminated 5 s later', async () => {
    const { slowClients, connect, happened, wait } = setUp();
    const connection = connect(['/', '/post']);
    connect();
    wait(connection, MAX_BYTES + 1);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(happened).toEqual(['dropped', '/ bye 3008', '/post bye 3008', 'closed']);
    expect(slowClients.closedCount()).toBe(1);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(happened.at(-1)).toBe('closed');
    await vi.advanceTimersByTimeAsync(2_000);
    expect(happened.at(-1)).toBe('terminated');
    expect(slowClients.closedCount()).toBe(1);
  });

  it('is found among thousands, which are checked in several turns', async () => {
    const { slowClients, connect, wait } = setUp();
    const connections = Array.from({ length: 2_000 }, () => connect());
    for (const connection of connections.slice(-3)) wait(connection, MAX_BYTES + 1);
    vi.advanceTimersByTime(500);
    expect(slowClients.closedCount()).toBe(0);
    await vi.advanceTimersByTimeAsync(10);
    expect(slowClients.closedCount()).toBe(3);
    expect(slowClients.mostWaitingBytes()).toBe(MAX_BYTES + 1);
  });

  it('stays connected below the limit, and is behind from a quarter of it on', async () => {
    const { slowClients, connect, happened, wait } = setUp();
    const connection = connect();
    wait(connection, MAX_BYTES);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(happened).toEqual([]);
    expect(slowClients.mostWaitingBytes()).toBe(MAX_BYTES);
    expect(slowClients.isBehind(connection)).toBe(true);
    wait(connection, MAX_BYTES / 4);
    expect(slowClients.isBehind(connection)).toBe(false);
    expect(slowClients.closedCount()).toBe(0);
  });

  it('gets the next page after it has read most of the last one, or is gone', async () => {
    const { slowClients, connect, wait } = setUp();
    const [connection, other] = [connect(), connect()];
    expect(slowClients.caughtUp(connection)).toBeUndefined();
    wait(connection, MAX_BYTES / 2);
    wait(other, MAX_BYTES / 2);
    const given: string[] = [];
    void slowClients.caughtUp(connection)?.then(() => given.push('connection'));
    void slowClients.caughtUp(other)?.then(() => given.push('other'));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(given).toEqual([]);
    wait(connection, MAX_BYTES / 8);
    await vi.advanceTimersByTimeAsync(100);
    expect(given).toEqual(['connection']);
    other.close();
    await vi.advanceTimersByTimeAsync(100);
    expect(given).toEqual(['connection', 'other']);
  });
});
