import { describe, expect, it } from 'vitest';
import { continueFrom } from '../../src/chat/continuation.ts';
import type { Entry, LogPage } from '../../src/chat/log-store.ts';

const entry = (seq: number, epoch = 'e2'): Entry => ({ epoch, seq, json: '{}' });

function page(changes: Partial<LogPage>): LogPage {
  return { epoch: 'e2', top: 100, previousEpochs: [], entries: [], more: false, first: 1, ...changes };
}

function told(...given: Parameters<typeof continueFrom>) {
  const { steps, position, isLive } = continueFrom(...given);
  const shown = steps.map((step) =>
    'entry' in step ? step.entry.seq : `${step.gap.reason} ${step.gap.from}-${step.gap.to}`,
  );
  return { shown, at: `${position.epoch}:${position.seq}`, isLive };
}

describe('a reader that continues in a log', () => {
  it('gets the entries after its position, then those delivered since, and is live', () => {
    const given = page({ entries: [entry(99), entry(100)] });
    expect(told({ epoch: 'e2', seq: 98 }, given, [entry(101)])).toEqual({
      shown: [99, 100, 101],
      at: 'e2:101',
      isLive: true,
    });
  });

  it('is not live after a page that does not reach the top, whatever was delivered since', () => {
    const given = page({ entries: [entry(51), entry(52)], more: true });
    expect(told({ epoch: 'e2', seq: 50 }, given, [entry(101)])).toEqual({
      shown: [51, 52],
      at: 'e2:52',
      isLive: false,
    });
  });

  it('goes on in a new epoch without a gap as long as the old one holds its position', () => {
    const given = page({
      previousEpochs: [{ epoch: 'e1', upTo: 90 }],
      entries: [entry(90), entry(91)],
      top: 91,
    });
    expect(told({ epoch: 'e1', seq: 89 }, given, [])).toEqual({ shown: [90, 91], at: 'e2:91', isLive: true });
  });

  it('gets a gap of the lost numbers of an old epoch, and reads again from there', () => {
    const given = page({ previousEpochs: [{ epoch: 'e1', upTo: 90 }] });
    expect(told({ epoch: 'e1', seq: 100 }, given, [])).toEqual({
      shown: ['epoch 91-100'],
      at: 'e2:90',
      isLive: false,
    });
  });

  it('of an unknown epoch has lost everything', () => {
    expect(told({ epoch: 'other', seq: 7 }, page({}), [])).toEqual({
      shown: ['epoch 1-7'],
      at: 'e2:0',
      isLive: false,
    });
  });

  it('that stands above the top is taken back to it, so that it misses nothing that comes', () => {
    expect(told({ epoch: 'e2', seq: 120 }, page({}), [])).toEqual({
      shown: ['epoch 101-120'],
      at: 'e2:100',
      isLive: false,
    });
  });

  it('gets a gap for trimmed entries, before, between and at the end', () => {
    const given = page({ entries: [entry(95), entry(97)], first: 95 });
    expect(told({ epoch: 'e2', seq: 80 }, given, [entry(101)])).toEqual({
      shown: ['trimmed 81-94', 95, 'trimmed 96-96', 97, 'trimmed 98-100', 101],
      at: 'e2:101',
      isLive: true,
    });
    expect(told({ epoch: 'e2', seq: 80 }, page({ first: 101 }), [])).toEqual({
      shown: ['trimmed 81-100'],
      at: 'e2:100',
      isLive: true,
    });
  });

  it('gets no entry twice when nothing is new', () => {
    expect(told({ epoch: 'e2', seq: 100 }, page({}), [])).toEqual({ shown: [], at: 'e2:100', isLive: true });
  });
});
