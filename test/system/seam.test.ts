import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { systemFixture } from '../support/fixture.ts';
import { MODES } from '../support/system.ts';

const JOINS = 500;
const AT_ONCE = 5;
const LIVE = 3;

describe.each(MODES)('joining a busy room, %s', (mode) => {
  const { at, enter } = systemFixture(mode, { RATE_SAY: '0' }, { workersEach: 1 });

  it(`continues from the answer without a gap or a repeat, ${JOINS} times in a row`, async () => {
    const talkers = await Promise.all([0, 1, 2].map((n) => enter(at(n), 'busy', `talker${n}`)));
    let busy = true;
    const talking = talkers.map(async (talker) => {
      while (busy) await talker.do('say', { text: 'still talking' });
    });

    const wrong: string[] = [];
    let done = 0;
    const joining = Array.from({ length: AT_ONCE }, async (_, lane) => {
      while (done < JOINS) {
        done += 1;
        const joiner = await enter(at(done + lane), 'busy', `joiner${done}`);
        const { joined, heard, said } = joiner;
        await eventually(() => expect(said.length).toBeGreaterThanOrEqual(LIVE), { interval: 2 });
        const page = joined.messages.map(({ seq }) => seq);
        const live = said.map(({ seq }) => seq);
        const expected = Array.from(
          { length: page.length + live.length },
          (_, n) => joined.seq - page.length + 1 + n,
        );
        if (JSON.stringify([...page, ...live]) !== JSON.stringify(expected)) {
          wrong.push(`answered ${joined.seq}, then ${live.slice(0, 5)}`);
        }
        const first = heard.findIndex(({ data }) => (data as { event?: string }).event === 'broadcast_say');
        if (first < heard.findIndex(({ event }) => event === 'joined'))
          wrong.push('a message before the answer');
        joiner.close();
      }
    });
    await Promise.all(joining);
    busy = false;
    await Promise.all(talking);
    expect(wrong).toEqual([]);
    for (const { said } of talkers) {
      expect(said.map(({ seq }) => seq)).toEqual(said.map((_, n) => (said[0]?.seq ?? 0) + n));
    }
  });
});
