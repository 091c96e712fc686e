import { describe, expect, test } from 'vitest';
import { createDisplay, type DisplayDeps } from '../../src/load/display/display.ts';
import { frameOf } from '../../src/load/display/frame.ts';
import type { LoadProgress } from '../../src/load/progress.ts';
import { type SecondFigures, WRONG_KINDS, type WrongKind } from '../../src/load/result.ts';
import { progressLine } from '../../src/load/summary.ts';
import { SAMPLE_RESULT } from './sample-result.ts';

const { config, totals, servers, seconds } = SAMPLE_RESULT;
const NONE = Object.fromEntries(WRONG_KINDS.map((kind) => [kind, 0])) as Record<WrongKind, number>;

function progressAt(atMs: number, rest: Partial<LoadProgress> = {}): LoadProgress {
  const second = seconds.at(-1) as SecondFigures;
  const moment = { atMs, plannedMs: 60_000, phase: 'load', second, offeredPerS: 200 } as const;
  return { config, ...moment, totals, wrong: NONE, servers, ...rest };
}

const plain = (progress: LoadProgress, columns: number) =>
  frameOf(progress, columns).map((line) => line.map(({ text }) => text).join(''));

describe('the picture of a load run', () => {
  test('says which of two servers it is of', () => {
    const progress = progressAt(37_000, { contender: 'B' });
    expect(plain(progress, 120)[0]).toContain('B: under load');
    expect(progressLine(progress)).toMatch(/^B {2}37 s {2}load {2}/);
    expect(progressLine(progressAt(37_000))).toMatch(/^37 s {2}load {2}/);
  });

  test('says how far the run is, what it does and what it found', () => {
    const picture = plain(progressAt(37_000), 120);
    expect(picture.map((line) => line.split(/ {2,}/)[0]?.trim())).toEqual([
      expect.stringMatching(/^█+░+$/),
      'connected',
      'said',
      'delivered',
      'latency',
      'refused',
      'wrong',
      'servers',
      'CPU',
    ]);
    const text = picture.join('\n');
    expect(text).toContain('61 %  0:37 of 1:00  under load');
    expect(text).toContain('1,000 of 1,000   480 were cut, 478 came back without a loss');
    expect(text).toContain('200/s offered');
    expect(text).toContain('unavailable 48');
    expect(text).toContain('lost 0  repeated 0  swapped 0');
    expect(text).toContain('worker 0 48 %  worker 1 52 %');
  });

  test('never writes a line that the terminal would wrap', () => {
    for (const columns of [20, 40, 79, 200]) {
      for (const line of plain(progressAt(1_000), columns)) expect(line.length).toBeLessThan(columns);
    }
  });

  test('shows every kind of fault that was found, in the colour of faults', () => {
    const line = frameOf(progressAt(1_000, { wrong: { ...NONE, swapped: 3, ghost: 1 } }), 100).find(
      ([first]) => first?.text.startsWith('wrong'),
    );
    expect(line?.filter(({ tone }) => tone === 'bad').map(({ text }) => text.trim())).toEqual([
      'swapped 3',
      'ghost 1',
    ]);
  });

  test('counts the steps and the time of a long run', () => {
    const steps = { ...config, stepRatesPerS: [100, 200, 400] };
    const [bar] = plain(progressAt(3_725_000, { config: steps, plannedMs: 7_200_000 }), 120);
    expect(bar).toContain('1:02:05 of 2:00:00  under load, step 2 of 3');
  });

  test('is whole when nothing has happened yet', () => {
    const second = {
      atMs: 0,
      tookMs: 0,
      phase: 'ramp',
      connected: 0,
      said: 0,
      acked: 0,
      refused: {},
    } as const;
    const still = {
      delivered: 0,
      backlog: 0,
      cut: 0,
      wrong: 0,
      driverLagP99Ms: 0,
      driverCores: 0,
      driverRssBytes: 0,
    };
    const nothing = { second: { ...second, ...still }, servers: [], plannedMs: 0, phase: 'ramp' as const };
    expect(plain(progressAt(0, nothing), 80).join('\n')).not.toMatch(/NaN|undefined|Infinity/);
  });
});

describe('the display of a load run', () => {
  function open(deps: Partial<DisplayDeps>) {
    const written: string[] = [];
    const display = createDisplay({
      write: (text) => written.push(text),
      columns: () => 80,
      colours: false,
      line: ({ atMs }) => `at ${atMs}`,
      ...deps,
    });
    return { display, written };
  }

  test('draws each picture over the last one and gives the cursor back', () => {
    const { display, written } = open({});
    display.show(progressAt(1_000));
    display.show(progressAt(2_000));
    display.close();
    const lines = (written[0]?.match(/\n/g) ?? []).length;
    expect(written[0]?.startsWith('\u001b[?25l')).toBe(true);
    expect(written[1]?.startsWith(`\u001b[${lines}F\u001b[J`)).toBe(true);
    expect(written[2]).toBe('\u001b[?25h');
  });

  test('has colours only where they are wanted', () => {
    const bare = open({});
    bare.display.show(progressAt(1_000));
    expect(bare.written.join('')).not.toContain('\u001b[32m');
    const coloured = open({ colours: true });
    coloured.display.show(progressAt(1_000));
    expect(coloured.written.join('')).toContain('\u001b[32m');
  });

  test('follows a terminal that becomes narrower', () => {
    let columns = 120;
    const { display, written } = open({ columns: () => columns });
    display.show(progressAt(1_000));
    columns = 40;
    display.show(progressAt(2_000));
    const lines = written[1]?.replace(/^.*?J/, '').split('\n') ?? [];
    for (const line of lines) expect(line.length).toBeLessThan(40);
  });

  test('writes a line every five seconds where there is no terminal, and nothing else', () => {
    const { display, written } = open({ columns: () => undefined });
    for (let second = 1; second <= 16; second++) display.show(progressAt(second * 1_000 + 3));
    display.close();
    expect(written).toEqual(['at 5003\n', 'at 10003\n', 'at 15003\n']);
  });
});
