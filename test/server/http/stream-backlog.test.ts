import { expect, it } from 'vitest';
import type { Entry } from '../../../src/chat/log-store.ts';
import { createLiveFrames } from '../../../src/server/http/event-frames.ts';
import { createStreamBacklog } from '../../../src/server/http/stream-backlog.ts';

function streamOf(bytes: number) {
  const counted = { bytes, cuts: 0, counts: 0 };
  return Object.assign(counted, {
    backlogBytes() {
      counted.counts += 1;
      return counted.bytes;
    },
    cut() {
      counted.cuts += 1;
      counted.bytes = 0;
    },
  });
}

it('cuts the streams that are furthest behind, and only as many as it takes', () => {
  const streams = [10, 60, 20, 50].map(streamOf);
  const backlog = createStreamBacklog(100);
  for (const stream of streams) backlog.add(stream);
  backlog.wrote(101);
  expect(streams.map(({ cuts }) => cuts)).toEqual([0, 1, 0, 0]);
});

it('counts the streams only when what was written may be too much', () => {
  const stream = streamOf(3);
  const backlog = createStreamBacklog(100);
  backlog.add(stream);
  for (let n = 0; n < 100; n += 1) backlog.wrote(10);
  expect([stream.cuts, stream.counts]).toEqual([0, 9]);
});

it('forgets a stream that has ended', () => {
  const [gone, other] = [streamOf(200), streamOf(5)];
  const backlog = createStreamBacklog(100);
  backlog.add(gone);
  backlog.add(other);
  backlog.remove(gone);
  backlog.wrote(500);
  expect([gone.cuts, other.cuts]).toEqual([0, 0]);
});

it('the frame of an entry is built once for all readers, and is that of the entry', () => {
  const frameOf = createLiveFrames();
  const one: Entry = { epoch: 'e', seq: 1, json: '{"a":"é"}' };
  const other: Entry = { epoch: 'e', seq: 2, json: '', utf8: Buffer.from('{"b":"ü"}') };
  const frame = frameOf(one);
  expect(frameOf(one)).toBe(frame);
  expect(frame.toString()).toBe('id: e:1\nevent: message\ndata: {"a":"é"}\n\n');
  expect(frameOf(other).toString()).toBe('id: e:2\nevent: message\ndata: {"b":"ü"}\n\n');
});
