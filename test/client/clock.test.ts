import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { stageForEach } from './stage.ts';

const { fake, chatter } = stageForEach();

describe('a client whose wall clock is set', () => {
  /** Both clocks stand still unless a test moves them. */
  function clocks() {
    const at = { wallMs: 1_800_000_000_000, elapsedMs: 0 };
    return { at, options: { now: () => at.wallMs, elapsedMs: () => at.elapsedMs } };
  }

  /** Says something, moves the clocks, and loses the connection before an answer. */
  async function unanswered(setMs: number, passedMs: number) {
    const { at, options } = clocks();
    const room = await chatter(options).chat.join('tea');
    fake().script('say', () => undefined);
    const saying = room.say('one');
    await eventually(() => expect(fake().ask('say')).toHaveLength(1));
    at.wallMs += setMs + passedMs;
    at.elapsedMs += passedMs;
    fake().cut();
    return saying;
  }

  it('an hour back still repeats that somebody types', async () => {
    const { at, options } = clocks();
    const room = await chatter(options).chat.join('tea');
    room.typing(true);
    at.wallMs -= 3_600_000;
    at.elapsedMs += 3_000;
    room.typing(true);
    await eventually(() => expect(fake().ask('typing')).toHaveLength(2));
  });

  it('an hour back sends again what the server still remembers', async () => {
    expect(await unanswered(-3_600_000, 1_000)).toMatchObject({ seq: 1 });
    expect(fake().ask('say')).toHaveLength(2);
  });

  it('back by less than the time that passed does not send again what the server may have forgotten', async () => {
    await expect(unanswered(-300_000, 600_000)).rejects.toMatchObject({ code: 'unknown' });
    expect(fake().ask('say')).toHaveLength(1);
  });
});
