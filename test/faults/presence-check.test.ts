import { describe, expect, it } from 'vitest';
import { createPresenceCheck } from './presence-check.ts';

const [QUIT, JOIN] = ['bob broadcast_quit r', 'bob join r'];

/** A crowd of one member, ann, who is looked at ten times a second. */
function crowd() {
  let ms = 0;
  let joined = true;
  const check = createPresenceCheck({ isJoined: () => joined, now: () => ms });
  const pass = (forMs: number, hears = true) => {
    for (let at = 0; at < forMs; at += 100) {
      ms += 100;
      check.look(['ann']);
      if (hears) check.heard('ann');
    }
  };
  pass(10_000);
  return { check, pass, join: () => (joined = true), drop: () => (joined = false) };
}

describe('what members are told of each other', () => {
  it('is false about a member who was there all the time, and about one who was back in time', () => {
    const { check, pass, drop, join } = crowd();
    check.told('ann', QUIT);
    drop();
    pass(2_000, false);
    check.told('ann', QUIT);
    join();
    pass(5_000);
    expect(check.result()).toEqual({ falsePresence: 2, unheardPresence: 0 });
  });

  it('is true about one who was away for the grace time, gone and back', () => {
    const { check, pass, drop, join } = crowd();
    drop();
    pass(6_000, false);
    check.told('ann', QUIT);
    join();
    pass(1_000);
    check.told('ann', JOIN);
    expect(check.result()).toEqual({ falsePresence: 0, unheardPresence: 0 });
    check.told('ann', JOIN);
    pass(12_000);
    check.told('ann', QUIT);
    expect(check.result()).toEqual({ falsePresence: 1, unheardPresence: 1 });
  });

  it('is true about an absence that the crowd noticed as late as it got the messages', () => {
    const { check, pass, drop, join } = crowd();
    check.heard('ann', 4_000);
    drop();
    pass(2_000, false);
    join();
    pass(200);
    check.told('ann', QUIT);
    expect(check.result()).toEqual({ falsePresence: 0, unheardPresence: 0 });
  });

  it('is true about one who left a room for a moment', () => {
    const { check, pass, drop, join } = crowd();
    drop();
    check.left('ann');
    check.told('ann', QUIT);
    pass(100);
    join();
    pass(100);
    check.told('ann', JOIN);
    expect(check.result()).toEqual({ falsePresence: 0, unheardPresence: 0 });
  });

  it('is counted apart about one whose connection stood and carried nothing', () => {
    const { check, pass } = crowd();
    pass(8_000, false);
    check.told('ann', QUIT);
    pass(2_000);
    expect(check.result()).toEqual({ falsePresence: 0, unheardPresence: 1 });
  });

  it('does not count what others than the crowd do', () => {
    const { check } = crowd();
    check.told('guest-1234', QUIT);
    expect(check.result()).toEqual({ falsePresence: 0, unheardPresence: 0 });
  });
});
