import { describe, expect, it } from 'vitest';
import { createIntake } from '../../../src/server/transport/intake.ts';
import type { Link } from '../../../src/server/transport/link-internals.ts';

function setUp() {
  const reading = new Map<Link, boolean>();
  const behind = new Set<Link>();
  let turns: (() => void)[] = [];
  let moments: (() => void)[] = [];
  const intake = createIntake({
    links: {
      pauseReading: (link) => void reading.set(link, false),
      resumeReading: (link) => void reading.set(link, true),
    },
    isBehind: (link) => behind.has(link),
    nextTurn: (callback) => void turns.push(callback),
    later: (callback) => void moments.push(callback),
  });
  return {
    link: () => {
      const link = { readyState: 'open' } as Link;
      reading.set(link, true);
      return link;
    },
    hear(link: Link, events: number) {
      for (let index = 0; index < events; index += 1) intake.heard(link);
    },
    isRead: (link: Link) => reading.get(link),
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

describe('the intake of a worker', () => {
  it('reads on of who sends little in a turn, however many turns', () => {
    const { link, hear, isRead, turn } = setUp();
    const ann = link();
    for (let count = 0; count < 100; count += 1) {
      hear(ann, 10);
      turn();
    }
    expect(isRead(ann)).toBe(true);
    expect(turn()).toBe(0);
  });

  it('stops reading of who sends much in one turn, until the next', () => {
    const { link, hear, isRead, turn } = setUp();
    const [flooder, bob] = [link(), link()];
    hear(flooder, 1_000);
    hear(bob, 1);
    expect([isRead(flooder), isRead(bob)]).toEqual([false, true]);
    turn();
    expect(isRead(flooder)).toBe(true);
  });

  it('reads of one of many such links a turn, each in its turn', () => {
    const { link, hear, isRead, turn } = setUp();
    const flooders = [link(), link(), link()];
    for (const flooder of flooders) hear(flooder, 100);
    const seen: number[] = [];
    for (let count = 0; count < 6; count += 1) {
      turn();
      const index = flooders.findIndex(isRead);
      seen.push(index);
      hear(flooders[index] as Link, 100);
    }
    expect(seen).toEqual([0, 1, 2, 0, 1, 2]);
  });

  it('does not read on of who has not taken its answers, only of the others', () => {
    const { link, hear, isRead, turn, moment, behind } = setUp();
    const [flooder, other] = [link(), link()];
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

  it('reads nothing more of one that has closed', () => {
    const { link, hear, isRead, turn } = setUp();
    const ann = link();
    hear(ann, 100);
    (ann as { readyState: string }).readyState = 'closed';
    turn();
    expect(isRead(ann)).toBe(false);
    expect(turn()).toBe(0);
  });
});
