import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join as pathOf } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { checkHistory } from '../../src/load/checker/check.ts';
import type { HistoryRecord } from '../../src/load/checker/history.ts';
import { openJournal, readJournals } from '../../src/load/checker/journal.ts';
import { tally, upperBound95 } from '../../src/load/checker/tally.ts';
import { validHistory } from './checker-histories.ts';

function joins(...pairs: [client: string, room: string][]): HistoryRecord[] {
  return pairs.map(([client, room]) => ({ kind: 'join', t: 1, client, room, epoch: 'e', seq: 0 }));
}

function said(
  room: string,
  id: string,
  sentAt: number,
  gotAt: Record<string, number>,
  seq = 1,
): HistoryRecord[] {
  const about = { client: 'ann', room, id };
  return [
    { kind: 'invoke', t: sentAt, ...about, text: id },
    { kind: 'ok', t: sentAt + 1, ...about, epoch: 'e', seq },
    ...Object.entries(gotAt).map(
      ([client, t]): HistoryRecord => ({
        kind: 'deliver',
        t,
        client,
        room,
        epoch: 'e',
        seq,
        id,
        serverId: id,
        sender: 'ann',
        text: id,
        source: 'live',
      }),
    ),
  ];
}

function fault(name: string, start: number, end: number): HistoryRecord[] {
  return [
    { kind: 'fault', t: start, name, at: 'start' },
    { kind: 'fault', t: end, name, at: 'end' },
  ];
}

function recoveryOf(...histories: HistoryRecord[][]) {
  return tally(histories.map((history) => ({ history, verdict: checkHistory(history, []) }))).recovery;
}

describe('the duration of a fault’s effect', () => {
  const members = joins(['ann', 'red'], ['bob', 'red'], ['ann', 'blue'], ['bob', 'blue']);

  it('is until the last member of the last room got something sent after its end', () => {
    const history = [
      ...members,
      ...fault('cut', 100, 200),
      ...said('red', 'before', 150, { ann: 160, bob: 210 }),
      ...said('red', 'r1', 250, { ann: 260, bob: 900 }, 2),
      ...said('blue', 'b1', 220, { ann: 230, bob: 240 }),
    ];
    expect(recoveryOf(history)).toEqual([
      { fault: 'cut', times: 1, p50Ms: 700, maxMs: 700, stuck: [], silent: [] },
    ]);
  });

  it('has no end in a room where a member gets nothing any more, and is unknown in a silent one', () => {
    const history = [...members, ...fault('cut', 100, 200), ...said('red', 'r1', 250, { ann: 260 })];
    expect(recoveryOf(history)).toEqual([
      { fault: 'cut', times: 1, p50Ms: undefined, maxMs: undefined, stuck: ['red'], silent: ['blue'] },
    ]);
  });

  it('does not wait for members who left, or who came later', () => {
    const history: HistoryRecord[] = [
      ...members.slice(0, 2),
      ...fault('cut', 100, 200),
      { kind: 'leave', t: 255, client: 'bob', room: 'red' },
      { kind: 'join', t: 300, client: 'cat', room: 'red', epoch: 'e', seq: 1 },
      ...said('red', 'r1', 250, { ann: 260 }),
    ];
    expect(recoveryOf(history)).toMatchObject([{ maxMs: 60, stuck: [] }]);
  });

  it('is merged over runs by the name of the fault', () => {
    const run = (tookMs: number) => [
      ...members.slice(0, 2),
      ...fault('cut', 100, 200),
      ...said('red', 'r1', 200, { ann: 201, bob: 200 + tookMs }),
    ];
    expect(recoveryOf(run(10), run(30), run(20))).toMatchObject([{ times: 3, p50Ms: 20, maxMs: 30 }]);
  });
});

describe('the tally of several runs', () => {
  const runOf = (seed: number) => {
    const { records, finals } = validHistory({ seed });
    return { history: records, verdict: checkHistory(records, finals) };
  };

  it('adds up the numbers of all rooms and runs', () => {
    const runs = [runOf(1), runOf(2)];
    const { counts, rooms, outcome, upperBound } = tally(runs);
    const deliveries = runs.flatMap(({ history }) => history.filter((record) => record.kind === 'deliver'));
    expect(counts.delivered).toBe(deliveries.filter(({ source }) => source !== 'history').length);
    expect(counts.delivered).toBe(
      runs.flatMap(({ verdict }) => verdict.rooms).reduce((sum, room) => sum + room.counts.delivered, 0),
    );
    expect({ rooms, outcome }).toEqual({ rooms: 3, outcome: 'pass' });
    expect(upperBound).toBe(3 / counts.expected);
  });

  it('is inconclusive with one run that proved nothing, and has no bound with one that failed', () => {
    const idle = { history: [], verdict: checkHistory([], []) };
    expect(tally([runOf(1), idle])).toMatchObject({ outcome: 'inconclusive', upperBound: undefined });
    const { records, finals } = validHistory({ seed: 3 });
    const lossy = records.toSpliced(
      records.findLastIndex(({ kind }) => kind === 'deliver'),
      1,
    );
    const failed = { history: lossy, verdict: checkHistory(lossy, finals) };
    expect(tally([runOf(1), failed])).toMatchObject({
      outcome: 'fail',
      upperBound: undefined,
      problemCounts: { lost: 1 },
    });
  });

  it('bounds a rate of none in N by 3/N', () => {
    expect(upperBound95(3_000)).toBe(0.001);
    expect(upperBound95(1)).toBe(1);
    expect(upperBound95(0)).toBeUndefined();
  });
});

describe('a history on disk', () => {
  const folder = mkdtempSync(pathOf(tmpdir(), 'roomcast-journal-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('is judged as it was in memory, with one file for each client, as often as it is read', async () => {
    const { records, finals } = validHistory({ seed: 5, steps: 2_000 });
    const clients = ['ann', 'bob', 'cat', 'dan', 'eve'];
    const paths = clients.map((client) => pathOf(folder, `${client}.jsonl`));
    for (const [at, client] of clients.entries()) {
      const journal = await openJournal(paths[at] ?? '');
      for (const record of records) if ('client' in record && record.client === client) journal.write(record);
      await journal.close();
    }
    const history = readJournals(paths);
    const verdict = checkHistory(history, finals);
    expect(verdict.problems).toEqual([]);
    expect(verdict.counts).toEqual(checkHistory(records, finals).counts);
    expect(checkHistory(history, finals).counts).toEqual(verdict.counts);
  });

  it('leaves out an incomplete last line, and accepts no other broken one', async () => {
    const path = pathOf(folder, 'torn.jsonl');
    const whole: HistoryRecord = { kind: 'connection', t: 1, client: 'ünn', up: true };
    const journal = await openJournal(path);
    journal.write(whole);
    await journal.close();
    appendFileSync(path, '{"kind":"li');
    expect([...readJournals([path])]).toEqual([whole]);
    appendFileSync(path, '\n');
    expect(() => [...readJournals([path])]).toThrow(SyntaxError);
  });

  it('cannot be opened where it cannot be written', async () => {
    await expect(openJournal(pathOf(folder, 'none', 'x.jsonl'))).rejects.toThrow('ENOENT');
  });
});
