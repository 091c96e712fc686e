import { describe, expect, it } from 'vitest';
import type { HistoryRecord } from '../../src/load/checker/history.ts';
import { countLate, flowsAgainMs } from './flow.ts';
import { checkStock } from './stock-check.ts';

const ROOM = '/ tea';
const CLIENTS = ['ann', 'bob', 'cid'];

const connection = (t: number, client: string, up: boolean): HistoryRecord => ({
  kind: 'connection',
  t,
  client,
  up,
});
const join = (t: number, client: string): HistoryRecord => ({
  kind: 'join',
  t,
  client,
  room: ROOM,
  epoch: '-',
  seq: 0,
});
const deliver = (t: number, client: string, id: string): HistoryRecord => ({
  kind: 'deliver',
  t,
  client,
  room: ROOM,
  epoch: '-',
  seq: 0,
  id,
  serverId: id,
  sender: 'ann',
  text: id,
  source: 'live',
});
function said(t: number, id: string, acked = true): HistoryRecord[] {
  const about = { client: 'ann', room: ROOM, id };
  const ending: HistoryRecord = acked
    ? { kind: 'ok', t: t + 1, ...about, epoch: '-', seq: 0 }
    : { kind: 'info', t: t + 1, ...about };
  return [{ kind: 'invoke', t, ...about, text: id }, ending];
}
const everybodyIn = CLIENTS.flatMap((client) => [connection(0, client, true), join(1, client)]);
const toAll = (t: number, id: string) => CLIENTS.map((client) => deliver(t, client, id));

describe('what the stock chat did', () => {
  it('is clean when every member got every message once and in one order', () => {
    const records = [...everybodyIn, ...said(10_000, 'a'), ...toAll(10_002, 'a'), ...said(10_010, 'b')];
    records.push(...toAll(10_012, 'b'));
    const clean = { acked: 2, unknown: 0, delivered: 6, lost: 0, missed: 0, repeated: 0, swapped: 0 };
    expect(checkStock(records)).toEqual(clean);
  });

  it('is a loss when an acked message never came to a member that was there all the time', () => {
    const records = [...everybodyIn, ...said(10_000, 'a'), ...toAll(10_002, 'a').slice(1)];
    expect(checkStock(records)).toMatchObject({ lost: 1, missed: 0 });
  });

  it('is no loss, but missed, if the member was away, or unknown if nobody had an ack', () => {
    const away = [connection(9_000, 'cid', false), connection(12_000, 'cid', true), join(12_001, 'cid')];
    const records = [...everybodyIn, ...away, ...said(10_000, 'a'), ...toAll(10_002, 'a').slice(0, 2)];
    records.push(...said(30_000, 'b', false));
    expect(checkStock(records)).toMatchObject({ acked: 1, unknown: 1, lost: 0, missed: 1 });
  });

  it('reports a repeat, and neighbours in another order at another client', () => {
    const records = [...everybodyIn, ...said(10_000, 'a'), ...said(10_000, 'b')];
    records.push(...toAll(10_002, 'a').slice(0, 2), ...toAll(10_003, 'b'), deliver(10_004, 'cid', 'a'));
    records.push(deliver(10_005, 'ann', 'a'));
    expect(checkStock(records)).toMatchObject({ repeated: 1, swapped: 1, lost: 0 });
  });
});

describe('the time until every room flows again', () => {
  it('ends when the last member got a message that was first sent after the fault', () => {
    const records = [...everybodyIn, ...said(900, 'before'), ...said(1_100, 'after')];
    records.push(
      ...toAll(1_050, 'before'),
      ...toAll(1_200, 'after').slice(0, 2),
      deliver(1_700, 'cid', 'after'),
    );
    expect(flowsAgainMs(records, 1_000)).toBe(700);
    expect(countLate(records, 500)).toBe(1);
  });

  it('is endless while one member gets nothing', () => {
    const records = [...everybodyIn, ...said(1_100, 'after'), ...toAll(1_200, 'after').slice(1)];
    expect(flowsAgainMs(records, 1_000)).toBe(Infinity);
  });
});
