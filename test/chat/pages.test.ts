import { describe, expect, it } from 'vitest';
import { extendPage, readLatest, readResumed } from '../../src/chat/pages.ts';
import { roomOf } from '../../src/chat/room.ts';
import { createMemoryRoom } from '../support/memory-room.ts';

const room = roomOf('/', 'lobby');
const limits = { messages: 10, latest: 3 };

function roomWith(count: number) {
  const memory = createMemoryRoom();
  for (let n = 0; n < count; n += 1) memory.store();
  const resume = async (epoch: string, seq: number) => {
    const answer = await readResumed(memory.logs, room, { epoch, seq }, limits);
    if (!answer.ok) throw new Error(answer.error.message);
    return { recovered: answer.value.recovered, seqs: answer.value.entries.map((entry) => entry.seq) };
  };
  return { memory, resume };
}

describe('a resume', () => {
  it('gets everything after its position', async () =>
    expect(await roomWith(8).resume('e1', 5)).toEqual({ recovered: true, seqs: [6, 7, 8] }));

  it('gets nothing when it is at the top', async () =>
    expect(await roomWith(8).resume('e1', 8)).toEqual({ recovered: true, seqs: [] }));

  it('gets the latest page when there is more than a resume may carry', async () =>
    expect(await roomWith(20).resume('e1', 5)).toEqual({ recovered: false, seqs: [18, 19, 20] }));

  it('gets the latest page when the log was trimmed past it', async () => {
    const { memory, resume } = roomWith(8);
    memory.trim(6);
    expect(await resume('e1', 5)).toEqual({ recovered: false, seqs: [7, 8] });
    expect(await resume('e1', 6)).toEqual({ recovered: true, seqs: [7, 8] });
  });

  it('is recovered under an older epoch up to where that epoch was kept', async () => {
    const { memory, resume } = roomWith(5);
    memory.restart('e2', 4);
    memory.store();
    expect(await resume('e1', 4)).toEqual({ recovered: true, seqs: [5] });
    expect(await resume('e1', 5)).toEqual({ recovered: false, seqs: [3, 4, 5] });
  });

  it('from where there was no epoch yet means the first one: not every event names its epoch', async () => {
    const { memory, resume } = roomWith(5);
    expect(await resume('new', 0)).toEqual({ recovered: true, seqs: [1, 2, 3, 4, 5] });
    expect(await resume('new', 3)).toEqual({ recovered: true, seqs: [4, 5] });
    memory.restart('e2', 4);
    memory.store();
    expect(await resume('new', 4)).toEqual({ recovered: true, seqs: [5] });
    expect(await resume('new', 5)).toMatchObject({ recovered: false });
  });

  it('is not recovered from a position the log never had', async () => {
    expect(await roomWith(5).resume('e1', 9)).toMatchObject({ recovered: false });
    expect(await roomWith(5).resume('other', 2)).toMatchObject({ recovered: false });
  });
});

describe('a page with the entries since it was read', () => {
  it('keeps the newest of both', async () => {
    const { memory } = roomWith(5);
    const page = await readLatest(memory.logs, room, 3);
    if (!page.ok) throw new Error('not read');
    const extended = extendPage(page.value, [memory.store()], 3);
    expect(extended).toMatchObject({ seq: 6, more: true });
    expect(extended.entries.map((entry) => entry.seq)).toEqual([4, 5, 6]);
  });

  it('is empty where no history was asked for, and still knows the top', async () => {
    const { memory } = roomWith(5);
    const page = await readLatest(memory.logs, room, 0);
    if (!page.ok) throw new Error('not read');
    expect(extendPage(page.value, [memory.store()], 0)).toMatchObject({ seq: 6, entries: [], more: true });
  });
});
