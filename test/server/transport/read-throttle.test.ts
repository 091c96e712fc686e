import { describe, expect, it } from 'vitest';
import type { Connection } from '../../../src/server/transport/private-members.ts';
import {
  BYTES_PER_TURN,
  createReadThrottle,
  PACKETS_PER_TURN,
} from '../../../src/server/transport/read-throttle.ts';

function setUp() {
  const reading = new Map<Connection, boolean>();
  const behind = new Set<Connection>();
  let turns: (() => void)[] = [];
  let moments: (() => void)[] = [];
  const intake = createReadThrottle({
    internals: {
      pauseReading: (connection) => void reading.set(connection, false),
      resumeReading: (connection) => void reading.set(connection, true),
    },
    isBehind: (connection) => behind.has(connection),
    nextTurn: (callback) => void turns.push(callback),
    later: (callback) => void moments.push(callback),
  });
  return {
    connection: () => {
      const connection = { readyState: 'open' } as Connection;
      reading.set(connection, true);
      return connection;
    },
    hear(connection: Connection, packets: number, bytes = 0) {
      for (let index = 0; index < packets; index += 1) intake.received(connection, bytes);
    },
    isRead: (connection: Connection) => reading.get(connection),
    behind,
    moment() {
      const due = moments;
      moments = [];
      for (const callback of due) callback();
      return due.length;
    },
    turn() {
      const due = turns;
      turns = [];
      for (const callback of due) callback();
      return due.length;
    },
  };
}

describe('the read throttle', () => {
  it('does not pause a connection that sends little in each turn', () => {
    const { connection, hear, isRead, turn } = setUp();
    const ann = connection();
    for (let count = 0; count < 100; count += 1) {
      hear(ann, 10);
      turn();
    }
    expect(isRead(ann)).toBe(true);
    expect(turn()).toBe(0);
  });

  it('pauses a connection that sends much in one turn, until the next turn', () => {
    const { connection, hear, isRead, turn } = setUp();
    const [flooder, bob] = [connection(), connection()];
    hear(flooder, 1_000);
    hear(bob, 1);
    expect([isRead(flooder), isRead(bob)]).toEqual([false, true]);
    turn();
    expect(isRead(flooder)).toBe(true);
  });

  it.each([
    ['packets', PACKETS_PER_TURN, 0],
    ['bytes', 2, BYTES_PER_TURN / 4],
  ])('pauses a connection only beyond so many %s', (_what, packets, bytes) => {
    const { connection, hear, isRead } = setUp();
    const ann = connection();
    hear(ann, packets, bytes);
    expect(isRead(ann)).toBe(true);
    hear(ann, 2, bytes);
    expect(isRead(ann)).toBe(false);
  });

  it('resumes one flooding connection a turn, round-robin', () => {
    const { connection, hear, isRead, turn } = setUp();
    const flooders = [connection(), connection(), connection()];
    for (const flooder of flooders) hear(flooder, 100);
    const seen: number[] = [];
    for (let count = 0; count < 6; count += 1) {
      turn();
      const index = flooders.findIndex(isRead);
      seen.push(index);
      hear(flooders[index] as Connection, 100);
    }
    expect(seen).toEqual([0, 1, 2, 0, 1, 2]);
  });

  it('does not resume a connection before its client has read the answers', () => {
    const { connection, hear, isRead, turn, moment, behind } = setUp();
    const [flooder, other] = [connection(), connection()];
    hear(flooder, 100);
    hear(other, 100);
    behind.add(flooder);
    turn();
    turn();
    expect([isRead(flooder), isRead(other)]).toEqual([false, true]);
    expect(turn()).toBe(0);
    expect(moment()).toBe(1);
    expect(isRead(flooder)).toBe(false);
    behind.delete(flooder);
    moment();
    expect(isRead(flooder)).toBe(true);
    expect([turn(), moment()]).toEqual([0, 0]);
  });

  it('does not resume a closed connection', () => {
    const { connection, hear, isRead, turn } = setUp();
    const ann = connection();
    hear(ann, 100);
    (ann as { readyState: string }).readyState = 'closed';
    turn();
    expect(isRead(ann)).toBe(false);
    expect(turn()).toBe(0);
  });
});
