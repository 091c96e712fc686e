import { describe, expect, it } from 'vitest';
import { checkHistory } from '../../src/load/checker/check.ts';
import type { DeliverRecord, FinalLog, HistoryRecord, JoinRecord } from '../../src/load/checker/history.ts';
import { validHistory } from './checker-histories.ts';

const ROOM = '/ red';

function join(client: string, seq: number, more: Partial<JoinRecord> = {}): HistoryRecord {
  return { kind: 'join', t: 1, client, room: ROOM, epoch: 'e1', seq, ...more };
}

function sent(seq: number, { epoch = 'e1', client = 'ann', t = seq * 10 } = {}): HistoryRecord[] {
  const about = { client, room: ROOM, id: `m${seq}${epoch}` };
  return [
    { kind: 'invoke', t, ...about, text: `t${seq}${epoch}` },
    { kind: 'ok', t: t + 1, ...about, epoch, seq },
  ];
}

function entry(seq: number, epoch = 'e1') {
  return {
    epoch,
    seq,
    id: `m${seq}${epoch}`,
    serverId: `s${seq}${epoch}`,
    sender: 'ann',
    text: `t${seq}${epoch}`,
  };
}

function got(client: string, seq: number, more: Partial<DeliverRecord> = {}): HistoryRecord {
  const { epoch = 'e1', t = seq * 10 + 2 } = more;
  return { kind: 'deliver', client, room: ROOM, source: 'live', ...entry(seq, epoch), ...more, t };
}

function logOf(...seqs: number[]): FinalLog[] {
  return [{ room: ROOM, epoch: 'e1', entries: seqs.map((seq) => entry(seq)) }];
}

function kindsOf(records: HistoryRecord[], finals: FinalLog[]) {
  return checkHistory(records, finals).problems.map(({ kind, client, seq }) => [kind, client, seq]);
}

const all = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => from + at);

describe('what a member should get', () => {
  it('is everything above the join, also while it was away, however late it came', () => {
    const records = [
      join('bob', 1),
      ...all(1, 4).flatMap((seq) => sent(seq)),
      got('bob', 2),
      join('bob', 4, { t: 90, resumed: { epoch: 'e1', seq: 2, recovered: true } }),
      got('bob', 3, { source: 'replay' }),
      got('bob', 4, { source: 'replay' }),
    ];
    const verdict = checkHistory(records, logOf(1, 2, 3, 4));
    expect(verdict.problems).toEqual([]);
    expect(verdict.counts).toMatchObject({
      acked: 4,
      expected: 3,
      delivered: 3,
      replayed: 2,
      resumed: 1,
      lost: 0,
    });
  });

  it('is everything to the end for a client that went away and never came back', () => {
    const records = [
      join('bob', 0),
      ...all(1, 2).flatMap((seq) => sent(seq)),
      got('bob', 1),
      { kind: 'connection', t: 15, client: 'bob', up: false } as const,
    ];
    expect(kindsOf(records, logOf(1, 2))).toEqual([['lost', 'bob', 2]]);
  });

  it('includes a deletion and the tombstone of the message', () => {
    const bare = (seq: number) => ({ epoch: 'e1', seq, serverId: `s${seq}e1`, bare: true as const });
    const late = (client: string, seq: number): HistoryRecord => {
      return { kind: 'deliver', t: 99, client, room: ROOM, source: 'live', ...bare(seq) };
    };
    const finals = [{ room: ROOM, epoch: 'e1', entries: [bare(1), bare(2), entry(3)] }];
    const told = [join('bob', 0), join('cat', 0), ...sent(1), ...sent(3), got('bob', 1), late('bob', 2)];
    const records = [...told, got('bob', 3), late('cat', 1), late('cat', 2), got('cat', 3)];
    const verdict = checkHistory(records, finals);
    expect(verdict.problems).toEqual([]);
    expect(verdict.counts).toMatchObject({ expected: 6, delivered: 6, lost: 0 });
    expect(kindsOf([...told, got('bob', 3), got('cat', 1), got('cat', 3)], finals)).toEqual([
      ['lost', 'cat', 2],
    ]);
    const made = { ...got('cat', 2), id: undefined, sender: 'eve', text: 'made up' } as never;
    expect(kindsOf([...told, got('bob', 3), late('cat', 1), made, got('cat', 3)], finals)).toContainEqual([
      'phantom',
      'bob',
      2,
    ]);
  });

  it('ends with the leave', () => {
    const records = [
      join('bob', 0),
      ...all(1, 3).flatMap((seq) => sent(seq)),
      got('bob', 1),
      { kind: 'leave', t: 15, client: 'bob', room: ROOM, seq: 1 } as const,
    ];
    expect(kindsOf(records, logOf(1, 2, 3))).toEqual([]);
    expect(kindsOf([...records, got('bob', 2)], logOf(1, 2, 3))).toEqual([['leaked', 'bob', 2]]);
  });

  it('is reduced by what a gap reported, and by no more', () => {
    const log = logOf(7, 8);
    const records = [
      join('bob', 0),
      ...all(1, 8).flatMap((seq) => sent(seq)),
      got('bob', 1),
      {
        kind: 'gap',
        t: 80,
        client: 'bob',
        room: ROOM,
        epoch: 'e1',
        from: 2,
        to: 5,
        reason: 'trimmed',
      } as const,
      got('bob', 7),
      got('bob', 8),
    ];
    expect(kindsOf(records, log)).toEqual([['lost', 'bob', 6]]);
    expect(checkHistory(records, log).counts).toMatchObject({ gaps: 1, waived: 4, lost: 1 });
  });

  it('begins again after recovered: false, but the client must have got what it claims', () => {
    const claiming = (seq: number) => [
      join('bob', 0),
      ...all(1, 6).flatMap((n) => sent(n)),
      got('bob', 1),
      join('bob', 5, { t: 70, resumed: { epoch: 'e1', seq, recovered: false } }),
      got('bob', 5, { source: 'history' }),
      got('bob', 6),
    ];
    expect(kindsOf(claiming(1), logOf(...all(1, 6)))).toEqual([]);
    expect(kindsOf(claiming(2), logOf(...all(1, 6)))).toEqual([['lost', 'bob', 2]]);
  });

  it('includes its own message only by the ack if it asked for no echo', () => {
    const [invoke, ok] = sent(1, { client: 'ann' });
    if (invoke?.kind !== 'invoke' || !ok) throw new Error('no invoke');
    const records = [join('ann', 0), join('bob', 0), { ...invoke, echo: false }, ok, got('bob', 1)];
    expect(kindsOf(records, logOf(1))).toEqual([]);
  });

  it('begins at ack.seq + 1: an older live message is named', () => {
    const records = [join('bob', 2), ...all(1, 3).flatMap((seq) => sent(seq)), got('bob', 2), got('bob', 3)];
    expect(kindsOf(records, logOf(1, 2, 3))).toEqual([['before-join', 'bob', 2]]);
  });
});

describe('how a message ended', () => {
  const about = { client: 'ann', room: ROOM, id: 'm1e1' };
  const invoke: HistoryRecord = { kind: 'invoke', t: 10, ...about, text: 't1e1' };
  const delivered = [join('bob', 0), invoke, got('bob', 1)];

  it('a definite refusal forbids it to appear', () => {
    const records = [...delivered, { kind: 'fail', t: 20, ...about, code: 'forbidden' } as const];
    expect(kindsOf(records, logOf(1))).toEqual([['fail-delivered', 'bob', 1]]);
  });

  it.each([
    [
      'no answer, then a refusal',
      [
        { kind: 'info', t: 11, ...about },
        { kind: 'fail', t: 12, ...about, code: 'limit' },
      ],
    ],
    ['`unavailable`', [{ kind: 'fail', t: 12, ...about, code: 'unavailable' }]],
    ['a refusal, then another attempt', [{ kind: 'fail', t: 12, ...about, code: 'rate_limited' }, invoke]],
  ] as [string, HistoryRecord[]][])('%s leaves it open: it may appear or not', (_, answers) => {
    const others = [...sent(2)];
    expect(kindsOf([...delivered, ...answers, ...others, got('bob', 2)], logOf(1, 2))).toEqual([]);
    const absent = [join('bob', 1), invoke, ...answers, ...others, got('bob', 2)];
    expect(checkHistory(absent, logOf(2))).toMatchObject({ problems: [], counts: { unknown: 1, acked: 1 } });
  });
});

describe('a run that proves nothing', () => {
  it('is inconclusive when nothing was delivered', () => {
    expect(checkHistory(sent(1), logOf(1))).toMatchObject({
      outcome: 'inconclusive',
      ok: false,
      problems: [],
    });
  });

  it('is inconclusive when nothing was acked', () => {
    const records = [join('bob', 0), ...sent(1).slice(0, 1), got('bob', 1)];
    expect(checkHistory(records, logOf(1))).toMatchObject({
      outcome: 'inconclusive',
      ok: false,
      problems: [],
    });
  });

  it('is inconclusive without records', () => {
    expect(checkHistory([], [])).toMatchObject({ outcome: 'inconclusive', ok: false });
  });
});

describe('the log', () => {
  it('is compared only as far back as it reaches', () => {
    for (let seed = 1; seed <= 100; seed += 1) {
      const { records, finals } = validHistory({ seed, kept: 2 });
      expect(checkHistory(records, finals).problems, `seed ${seed}`).toEqual([]);
    }
  });

  it('has to be there for every room with acks', () => {
    expect(kindsOf([join('bob', 0), ...sent(1), got('bob', 1)], [])).toEqual([
      ['no-log', undefined, undefined],
    ]);
  });

  it('may not hold another message under a number than the clients got', () => {
    const finals = [{ room: ROOM, epoch: 'e1', entries: [{ ...entry(1), id: 'm2e1', text: 't2e1' }] }];
    const [invoke] = sent(2);
    const records = [join('bob', 0), ...sent(1), ...(invoke ? [invoke] : []), got('bob', 1)];
    expect(kindsOf(records, finals)).toEqual([['log-mismatch', undefined, 1]]);
  });

  it('may not lose acked messages, unless the run removed them and a new epoch reports it', () => {
    const records: HistoryRecord[] = [
      join('bob', 0),
      ...all(1, 3).flatMap((seq) => sent(seq)),
      ...all(1, 3).map((seq) => got('bob', seq)),
      { kind: 'gap', t: 50, client: 'bob', room: ROOM, epoch: 'e2', from: 3, to: 3, reason: 'epoch' },
      ...sent(3, { epoch: 'e2', t: 60 }),
      got('bob', 3, { epoch: 'e2', t: 62 }),
    ];
    const finals = [{ room: ROOM, epoch: 'e2', entries: [entry(1), entry(2), entry(3, 'e2')] }];
    expect(kindsOf(records, finals)).toEqual([['store-lost', undefined, 3]]);
    const allowed = checkHistory(records, finals, { storeMayLose: true });
    expect(allowed).toMatchObject({ problems: [], ok: true, counts: { storeLost: 1 } });
  });
});

describe('the report', () => {
  it('keeps the first problems of a kind and counts them all', () => {
    const records = [join('bob', 0), ...all(1, 50).flatMap((seq) => sent(seq)), got('bob', 50)];
    const { problems, problemCounts } = checkHistory(records, logOf(...all(1, 50)), { keptPerKind: 3 });
    expect(problems).toHaveLength(3);
    expect(problemCounts).toEqual({ lost: 49 });
  });

  it('names a recorder that contradicts itself', () => {
    const [, ok] = sent(1);
    if (!ok) throw new Error('no ok');
    expect(kindsOf([ok], logOf())).toContainEqual(['bad-history', 'ann', undefined]);
  });
});
