import { describe, expect, it } from 'vitest';
import { createRoomTurns } from '../../../src/backend/redis/presence/room-turns.ts';
import { type Outcome, refuse, succeed } from '../../../src/protocol/codes.ts';
import { newRoom } from '../../contract/peers.ts';

/** Entries and exits of one room, whose listings succeed or fail when the test says so. */
function setUp(inOneOrder = false) {
  const turns = createRoomTurns(() => inOneOrder);
  const room = newRoom();
  const made: string[] = [];
  const call = (name: string) => async () => {
    made.push(name);
    return succeed(name);
  };
  return {
    made,
    enter(name: string) {
      let listed: (outcome: Outcome<unknown>) => void = () => undefined;
      const listing = new Promise<Outcome<unknown>>((resolve) => (listed = resolve));
      return {
        listed: (outcome: Outcome<unknown> = succeed(1)) => listed(outcome),
        entered: turns.afterListing(room, listing, call(name)),
      };
    },
    exit: (name: string) => turns.inTurn(room, call(name)),
  };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('the calls for a room whose index is on another server', () => {
  it('keep their order when an entry is made while an exit waits', async () => {
    const { made, enter, exit } = setUp();
    const ann = enter('enter ann');
    const gone = exit('exit bob');
    const bob = enter('enter bob');
    const last = exit('exit ann');
    bob.listed();
    await settled();
    expect(made).toEqual([]);
    ann.listed();
    await Promise.all([ann.entered, gone, bob.entered, last]);
    expect(made).toEqual(['enter ann', 'exit bob', 'enter bob', 'exit ann']);
  });

  it('let an exit go although entries keep coming', async () => {
    const { made, enter, exit } = setUp();
    let entry = enter('enter 0');
    const gone = exit('exit');
    for (let number = 1; number <= 20; number += 1) {
      const next = enter(`enter ${number}`);
      entry.listed();
      await settled();
      entry = next;
    }
    expect(made.slice(0, 3)).toEqual(['enter 0', 'exit', 'enter 1']);
    await gone;
  });

  it('keep their order when a call is made in any turn in which the one before it is released', async () => {
    for (let later = 0; later < 8; later += 1) {
      const { made, enter, exit } = setUp();
      const ann = enter('enter ann');
      const gone = exit('exit bob');
      ann.listed();
      for (let turn = 0; turn < later; turn += 1) await undefined;
      const last = exit('exit ann');
      await Promise.all([ann.entered, gone, last]);
      expect(made).toEqual(['enter ann', 'exit bob', 'exit ann']);
    }
  });

  it('go on after a listing that failed, whose entry is not made', async () => {
    const { made, enter, exit } = setUp();
    const ann = enter('enter ann');
    const gone = exit('exit bob');
    const refusal = refuse('unavailable', 'away', 1_000);
    ann.listed(refusal);
    expect(await ann.entered).toBe(refusal);
    await gone;
    expect(made).toEqual(['exit bob']);
    void exit('at once');
    expect(made).toEqual(['exit bob', 'at once']);
  });

  it('wait for nothing where one server has both', () => {
    const { made, enter, exit } = setUp(true);
    enter('enter');
    void exit('exit');
    expect(made).toEqual(['enter', 'exit']);
  });
});
