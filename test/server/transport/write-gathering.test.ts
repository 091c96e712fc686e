import type { Socket } from 'node:net';
import { Writable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createTurnEnd } from '../../../src/server/transport/turn-end.ts';
import { createWriteGathering } from '../../../src/server/transport/write-gathering.ts';

/** A stream that records its system calls. */
function newStream() {
  const calls: string[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      calls.push(String(chunk));
      done();
    },
    writev(chunks, done) {
      calls.push(chunks.map(({ chunk }) => String(chunk)).join('+'));
      done();
    },
  });
  return { stream: stream as unknown as Socket, calls };
}

describe('the writes of one turn', () => {
  it('leave the stream in one call, together with the writes of rooms', async () => {
    const turnEnd = createTurnEnd();
    const gather = createWriteGathering(turnEnd);
    const { stream, calls } = newStream();
    gather(stream);
    stream.write('ack');
    // The room is scheduled after the ack and written before the stream is uncorked.
    turnEnd.write(() => void stream.write('message'));
    gather(stream);
    stream.write('another');
    expect(calls).toEqual([]);
    await turn();
    expect(calls).toEqual(['ack+another+message']);
  });

  it('do not wait for a later turn, even if it begins during the write', async () => {
    const turnEnd = createTurnEnd();
    const gather = createWriteGathering(turnEnd);
    const { stream, calls } = newStream();
    turnEnd.write(() => {
      gather(stream);
      stream.write('first');
    });
    await turn();
    await turn();
    expect(calls).toEqual(['first']);
    gather(stream);
    stream.write('second');
    await turn();
    expect(calls).toEqual(['first', 'second']);
  });

  it('leave each stream separately and skip a destroyed stream', async () => {
    const gather = createWriteGathering(createTurnEnd());
    const [a, b] = [newStream(), newStream()];
    for (const { stream } of [a, b]) {
      gather(stream);
      stream.write('x');
      stream.write('y');
    }
    a.stream.destroy();
    await turn();
    expect(a.calls).toEqual([]);
    expect(b.calls).toEqual(['x+y']);
  });
});
