import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';

/*
 * Node aborts, which no test of the same process could tell. The readers are a process of their own: the system must take a
 * write in part, and have room for the rest by the time that libuv tries again, in the same call.
 */
const BYTES = 64 * 1024;
const STREAMS = 16;
const WRITES = 2_000;

const READER = `
  import { connect } from 'node:net';
  let received = 0;
  for (let n = 0; n < ${STREAMS}; n += 1) {
    const socket = connect(Number(process.argv[1]), '127.0.0.1');
    socket.on('error', () => {}).on('data', (bytes) => { received += bytes.length; });
  }
  process.on('exit', () => console.log('received', received));
`;

const WRITER = `
  import { spawn } from 'node:child_process';
  import { once } from 'node:events';
  import { createServer } from 'node:net';
  import { setImmediate as turn } from 'node:timers/promises';
  import { createStreamWrites } from ${JSON.stringify(new URL('../../../src/server/transport/stream-writes.ts', import.meta.url).href)};

  const writes = createStreamWrites();
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const streams = [];
  server.on('connection', (stream) => streams.push(stream));
  const reader = spawn(process.execPath, ['--input-type=module', '--eval', ${JSON.stringify(READER)}, String(server.address().port)], { stdio: 'inherit' });
  process.on('exit', () => reader.kill());
  while (streams.length < ${STREAMS}) await turn();
  const paths = streams.map((stream) => writes.pathTo(stream));
  const bytes = Buffer.alloc(${BYTES}, 'x');
  const left = streams.map(() => ${WRITES});
  while (left.some((count) => count > 0)) {
    for (const [index, { _handle }] of streams.entries()) {
      // Full up to the edge of what the system takes, and nothing queued: only then does libuv try twice in one call.
      while (left[index] > 0 && _handle.writeQueueSize === 0) {
        paths[index].write(bytes);
        left[index] -= 1;
      }
    }
    await turn();
  }
  const done = once(reader, 'exit');
  for (const stream of streams) stream.end();
  await done;
  process.exit(0);
`;

describe('writes past the stream', () => {
  it('arrive whole where the system takes them in part, on many streams at once', async () => {
    const args = ['--import', 'tsx', '--input-type=module', '--eval', WRITER];
    const writer = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    writer.stdout.on('data', (text) => {
      said += text;
    });
    writer.stderr.on('data', (text) => {
      said += text;
    });
    const [code, signal] = await once(writer, 'close');
    expect({ said: said.slice(0, 400), code, signal }).toEqual({
      said: `received ${STREAMS * WRITES * BYTES}\n`,
      code: 0,
      signal: null,
    });
  }, 60_000);
});
