import { describe, expect, it } from 'vitest';
import { zeroWrong } from '../../src/load/checker/live/findings.ts';
import { summaryOf } from '../../src/load/summary.ts';
import { type Evidence, judge } from '../../src/load/verdict.ts';
import { SAMPLE_RESULT } from './sample-result.ts';

const EVIDENCE: Evidence = {
  config: { ...SAMPLE_RESULT.config, maxP99Ms: 100, maxErrorShare: 0.1, maxLagMs: 50 },
  totals: { ...SAMPLE_RESULT.totals, refused: {}, failedConnections: {}, unanswered: 0, said: 10, acked: 10 },
  isLoaded: true,
  wrong: zeroWrong(),
  findings: [],
  uncompared: 0,
  sharedComparedShare: 1,
  overdue: 0,
  p99Ms: 20,
  lagP99Ms: 2,
  loopDelayP99Ms: 3,
  firstStepBroke: undefined,
  order: 'in order',
  notChecked: [],
};
const judged = (over: Partial<Evidence>) => {
  const { outcome, exitCode, reasons, wrong } = judge({ ...EVIDENCE, ...over });
  return { outcome, exitCode, reasons, wrong };
};
const wrong = (counts: Partial<Evidence['wrong']>) => ({ ...zeroWrong(), ...counts });

describe('the verdict of a load run', () => {
  it('is good if nothing is wrong and no limit missed', () => {
    expect(judged({})).toMatchObject({ outcome: 'good', exitCode: 0 });
  });

  it('names what the server reported as gone', () => {
    const totals = { ...EVIDENCE.totals, delivered: 90, reportedGone: 7 };
    expect(judged({ totals }).reasons).toEqual([
      '90 messages came once, in order and to nobody else, except 7 that the server reported as gone.',
    ]);
    expect(summaryOf({ ...SAMPLE_RESULT, totals })).toMatch(/^reported as gone +7$/m);
  });

  it('is wrong whatever else happened', () => {
    const { outcome, exitCode, reasons } = judged({ wrong: wrong({ lost: 2, leaked: 1 }), lagP99Ms: 900 });
    expect({ outcome, exitCode }).toEqual({ outcome: 'wrong', exitCode: 1 });
    expect(reasons).toEqual([
      '2 messages were lost.',
      '1 message was delivered to others than they were said to.',
    ]);
  });

  it('blames a late driver before the server’s latency, and not the server for what came late', () => {
    const late = { lagP99Ms: 51, p99Ms: 900, wrong: wrong({ lost: 7, ghost: 1 }), overdue: 7 };
    expect(judged(late)).toMatchObject({
      outcome: 'driver-too-slow',
      exitCode: 4,
      wrong: { lost: 0, ghost: 0 },
    });
    expect(judged({ ...late, loopDelayP99Ms: 60, lagP99Ms: 1, overdue: 6 })).toMatchObject({
      outcome: 'wrong',
      wrong: { lost: 1 },
    });
  });

  it('names each limit that was missed', () => {
    expect(judged({ p99Ms: 100.4 })).toMatchObject({ outcome: 'threshold-missed', exitCode: 2 });
    const totals = { ...EVIDENCE.totals, said: 100, acked: 80, joined: 5 };
    const { reasons } = judged({ p99Ms: 150, totals });
    expect(reasons).toEqual([
      'p99 was 150.0 ms, above 100 ms (--max-p99).',
      '19 % of messages and connections failed, above 10 % (--max-errors).',
    ]);
  });

  it('counts messages that were never said and clients that are not in as failed', () => {
    const totals = { ...EVIDENCE.totals, said: 10, acked: 10, joined: 0, unsaid: 10 };
    expect(judged({ totals }).reasons[0]).toMatch(/^50 % of messages and connections failed/);
    const away = { ...EVIDENCE.totals, absent: 2_000 };
    expect(judged({ totals: away }).outcome).toBe('threshold-missed');
    expect(judge({ ...EVIDENCE, totals: away }).notChecked).toEqual([
      'What 2000 clients got that were not in their rooms at the end.',
    ]);
  });

  it('misses a limit if no client got in, with steps too', () => {
    const config = { ...EVIDENCE.config, stepRatesPerS: [100] };
    const totals = { ...EVIDENCE.totals, joined: 0 };
    expect(judged({ config, totals }).reasons).toEqual(['No client got in.']);
  });

  it('blames no server for a run that ended before its load', () => {
    const totals = { ...EVIDENCE.totals, delivered: 0, unsaid: 50 };
    expect(judged({ totals, isLoaded: false })).toMatchObject({
      outcome: 'threshold-missed',
      reasons: ['The run ended before the load began.'],
    });
  });

  it('says how many deliveries could not be compared', () => {
    const { notChecked, comparedShare } = judge({
      ...EVIDENCE,
      totals: { ...EVIDENCE.totals, delivered: 100 },
      uncompared: 25,
    });
    expect(comparedShare).toBe(0.75);
    expect(notChecked).toEqual([expect.stringMatching(/^25 deliveries: .* too late to be compared\.$/)]);
  });

  it('holds a run with steps to its first one', () => {
    const config = { ...EVIDENCE.config, stepRatesPerS: [100, 200] };
    expect(judged({ config, p99Ms: 900 }).outcome).toBe('good');
    expect(judged({ config, firstStepBroke: 'p99 was 900.0 ms at 100/s, above 100 ms.' }).outcome).toBe(
      'threshold-missed',
    );
  });
});
