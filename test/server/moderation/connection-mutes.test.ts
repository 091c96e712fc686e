import { describe, expect, it } from 'vitest';
import { roomOf } from '../../../src/chat/room.ts';
import { createConnectionMutes } from '../../../src/server/moderation/connection-mutes.ts';
import type { Session } from '../../../src/server/session.ts';
import type { ConnectionBudget } from '../../../src/server/transport/connection-budget.ts';
import { partOf } from '../../support/part-of.ts';

const tea = roomOf('/', 'tea');
const as = (id: string, budget: ConnectionBudget) =>
  partOf<Session>({ user: { id, name: 'Somebody' }, budget });
const openBudget = () => partOf<ConnectionBudget>({});

describe('a mute', () => {
  it('stays with its connection, in its room, for every later user', () => {
    const { note, of, forget } = createConnectionMutes('open');
    const connection = openBudget();
    note(as('Bob', connection), tea);
    note(as('Carl', connection), tea);
    expect(of(as('Ann', connection), tea)).toEqual(['Bob', 'Carl']);
    expect(of(as('Carl', connection), tea)).toEqual(['Bob']);
    expect(of(as('Ann', connection), roomOf('/', 'milk'))).toBeUndefined();
    expect(of(as('Ann', connection), roomOf('/post', 'tea'))).toBeUndefined();
    expect(of(as('Ann', openBudget()), tea)).toBeUndefined();
    forget(as('Ann', connection), tea, 'Bob');
    expect(of(as('Ann', connection), tea)).toEqual(['Carl']);
    expect(of(as('Carl', connection), tea)).toBeUndefined();
    forget(as('Ann', connection), tea, 'Carl');
    expect(of(as('Ann', connection), tea)).toBeUndefined();
  });

  it('applies to the user only in token mode', () => {
    const { note, of } = createConnectionMutes('token');
    const connection = openBudget();
    note(as('Bob', connection), tea);
    expect(of(as('Carl', connection), tea)).toBeUndefined();
  });

  it('is forgotten of the oldest of many users and rooms', () => {
    const { note, of } = createConnectionMutes('open');
    const connection = openBudget();
    for (let n = 0; n <= 10; n += 1) note(as(`user ${n}`, connection), tea);
    expect(of(as('Ann', connection), tea)).toHaveLength(10);
    expect(of(as('Ann', connection), tea)).not.toContain('user 0');
    for (let n = 0; n < 100; n += 1) note(as('Bob', connection), roomOf('/', `room ${n}`));
    expect(of(as('Ann', connection), tea)).toBeUndefined();
    expect(of(as('Ann', connection), roomOf('/', 'room 0'))).toEqual(['Bob']);
  });
});
