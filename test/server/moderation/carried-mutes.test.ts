import { describe, expect, it } from 'vitest';
import { roomOf } from '../../../src/chat/room.ts';
import { createCarriedMutes } from '../../../src/server/moderation/carried-mutes.ts';
import type { Session } from '../../../src/server/session.ts';

const tea = roomOf('/', 'tea');
const as = (id: string, budget: object) => ({ user: { id, name: 'Somebody' }, budget }) as unknown as Session;

describe('a mute', () => {
  it('goes with its link, in its room, to everybody else', () => {
    const { note, of, forget } = createCarriedMutes('open');
    const link = {};
    note(as('Bob', link), tea);
    note(as('Carl', link), tea);
    expect(of(as('Ann', link), tea)).toEqual(['Bob', 'Carl']);
    expect(of(as('Carl', link), tea)).toEqual(['Bob']);
    expect(of(as('Ann', link), roomOf('/', 'milk'))).toBeUndefined();
    expect(of(as('Ann', link), roomOf('/post', 'tea'))).toBeUndefined();
    expect(of(as('Ann', {}), tea)).toBeUndefined();
    forget(as('Ann', link), tea, 'Bob');
    expect(of(as('Ann', link), tea)).toEqual(['Carl']);
    expect(of(as('Carl', link), tea)).toBeUndefined();
    forget(as('Ann', link), tea, 'Carl');
    expect(of(as('Ann', link), tea)).toBeUndefined();
  });

  it('is the user’s alone where tokens say who somebody is', () => {
    const { note, of } = createCarriedMutes('token');
    const link = {};
    note(as('Bob', link), tea);
    expect(of(as('Carl', link), tea)).toBeUndefined();
  });

  it('is forgotten of the oldest of many users and rooms', () => {
    const { note, of } = createCarriedMutes('open');
    const link = {};
    for (let n = 0; n <= 10; n += 1) note(as(`user ${n}`, link), tea);
    expect(of(as('Ann', link), tea)).toHaveLength(10);
    expect(of(as('Ann', link), tea)).not.toContain('user 0');
    for (let n = 0; n < 100; n += 1) note(as('Bob', link), roomOf('/', `room ${n}`));
    expect(of(as('Ann', link), tea)).toBeUndefined();
    expect(of(as('Ann', link), roomOf('/', 'room 0'))).toEqual(['Bob']);
  });
});
