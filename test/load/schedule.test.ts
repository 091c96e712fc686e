import { describe, expect, it } from 'vitest';
import { Ledger } from '../../src/load/driver/ledger.ts';
import { createSchedule } from '../../src/load/driver/schedule.ts';
import type { Sender } from '../../src/load/driver/sender.ts';
import { createRandom } from '../../src/load/random.ts';

const TICK_US = 1_000;

function stage({ perSecond = 1_000, speakers = 2 } = {}) {
  const ledger = new Ledger();
  let nowUs = 0;
  let mayTalk = true;
  let said = 0;
  const sender = {
    say() {
      if (mayTalk) said += 1;
      return mayTalk;
    },
  } as unknown as Sender;
  const schedule = createSchedule({
    clock: () => nowUs,
    ledger,
    random: createRandom(1),
    senders: Array.from({ length: speakers }, () => sender),
    clients: [],
    privateCheck: undefined,
    churn: () => undefined,
    order: { do: 'rate', perSecond, privateShare: 0, churnPerS: 0 },
  });
  return {
    ledger,
    schedule,
    said: () => said,
    hold(isHeld: boolean) {
      mayTalk = !isHeld;
    },
    tick(times: number, eachUs = TICK_US) {
      for (let at = 0; at < times; at += 1) {
        nowUs += eachUs;
        schedule.pump(nowUs);
      }
      return nowUs;
    },
  };
}

describe('the schedule of a load run', () => {
  it('says what was due behind a server that stalled, and does not count it as its own lateness', () => {
    const { ledger, schedule, said, hold, tick } = stage();
    tick(100);
    hold(true);
    expect(schedule.backlog(tick(1_000))).toBe(1_000);
    hold(false);
    expect(schedule.backlog(tick(100))).toBe(0);
    expect(said()).toBe(1_200);
    expect(ledger.lagUs.maxValue).toBeLessThan(2 * TICK_US);
    expect(ledger.lagUs.totalCount).toBe(200);
  });

  it('counts a driver that stood still as late', () => {
    const { ledger, tick } = stage();
    tick(100);
    tick(1, 500_000);
    expect(ledger.lagUs.maxValue).toBeGreaterThan(400_000);
  });

  it('has no backlog in a process that has no part of the rate', () => {
    const { schedule, tick } = stage({ perSecond: 0, speakers: 0 });
    expect(schedule.backlog(tick(100))).toBe(0);
  });
});
