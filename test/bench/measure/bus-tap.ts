import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** Between a system and its Redis: counts what Redis itself does not tell. */
export interface BusTap {
  readonly url: string;
  /** Commands that clients sent. */
  commands(): number;
  /** Messages handed to subscribers, one for each that gets it. */
  messages(): number;
  close(): Promise<void>;
}

/** How a message to a subscriber begins, in RESP 2 and 3. No text that a system sends has line ends in it. */
const KINDS = ['$7\r\nmessage\r\n', '$8\r\nsmessage\r\n', '$8\r\npmessage\r\n'];
const LONGEST = Math.max(...KINDS.map((kind) => kind.length));

export async function openBusTap(redisPort: number): Promise<BusTap> {
  const sockets = new Set<Socket>();
  let commands = 0;
  let messages = 0;
  const server = createServer((client) => {
    const redis = connect(redisPort, '127.0.0.1');
    for (const [from, to] of [
      [client, redis],
      [redis, client],
    ] as const) {
      sockets.add(from);
      from.setNoDelay(true);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
    const asked = createCommandCount();
    let tail = '';
    client.on('data', (chunk) => {
      commands += asked(chunk);
      redis.write(chunk);
    });
    redis.on('data', (chunk) => {
      const text = tail + chunk.toString('latin1');
      for (const kind of KINDS) messages += text.split(kind).length - 1;
      tail = withoutKinds(text.slice(-(LONGEST - 1)));
      client.write(chunk);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return {
    url: `redis://127.0.0.1:${port}`,
    commands: () => commands,
    messages: () => messages,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** The end of a chunk, to be looked at again with the next one, without what was counted. */
function withoutKinds(text: string): string {
  return KINDS.reduce((rest, kind) => {
    const at = rest.lastIndexOf(kind);
    return at < 0 ? rest : rest.slice(at + kind.length);
  }, text);
}

/** Commands are arrays of strings whose lengths stand before them. */
function createCommandCount(): (chunk: Buffer) => number {
  let line = '';
  let skip = 0;
  return (chunk) => {
    let found = 0;
    for (let at = 0; at < chunk.length; ) {
      if (skip > 0) {
        const skipped = Math.min(skip, chunk.length - at);
        skip -= skipped;
        at += skipped;
        continue;
      }
      const end = chunk.indexOf(10, at);
      line += chunk.toString('latin1', at, end < 0 ? chunk.length : end + 1);
      if (end < 0) break;
      at = end + 1;
      if (line[0] === '*') found += 1;
      else if (line[0] === '$') skip = Number(line.slice(1)) + 2;
      line = '';
    }
    return found;
  };
}
