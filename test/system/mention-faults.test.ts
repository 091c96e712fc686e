import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { copyBuild } from '../support/build-copy.ts';
import { startHost } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { connect } from '../support/member.ts';
import { openRedis } from '../support/redis-server.ts';
import { MODES } from '../support/system.ts';

/** The first worker that is about to store a mention kills itself: its message is stored, and no item is. */
const diesBeforeTheItem = (mark: string) => `{
  const { existsSync, writeFileSync } = process.getBuiltinModule('node:fs');
  const { prototype } = process.getBuiltinModule('node:net').Socket;
  const look = (text) => {
    if (!text.includes('"kind":"mention"') || existsSync(${JSON.stringify(mark)})) return;
    writeFileSync(${JSON.stringify(mark)}, '');
    process.kill(process.pid, 'SIGKILL');
    for (;;);
  };
  const { write } = prototype;
  prototype.write = function (chunk, ...rest) {
    look(String(chunk));
    return write.call(this, chunk, ...rest);
  };
  const { send } = process;
  process.send = (message, ...rest) => {
    look(JSON.stringify(message).replaceAll(String.raw\`\\"\`, '"'));
    return send.call(process, message, ...rest);
  };
}
`;

it.each(MODES)('a mention whose worker is killed between message and item comes once, %s', async (mode) => {
  const [build, folder] = await Promise.all([copyBuild(), mkdtemp(join(tmpdir(), 'roomcast-mention-'))]);
  const mark = join(folder, 'killed');
  await build.spoilWorkers(diesBeforeTheItem(mark));
  const redis = mode === 'cluster' ? await openRedis() : undefined;
  const host = await startHost({ workers: 2, main: build.main, ...(redis && { redisUrl: redis.url }) });
  onTestFinished(async () => {
    await host.stop();
    await Promise.all([host.remove(), build.remove(), redis?.close(), rm(folder, { recursive: true })]);
  });
  const [first, second] = host.workerUrls as [string, string];
  const author = await connect(first, { auth: { userId: 'ann', username: 'Ann' } });
  const bob = await connect(second, { auth: { userId: 'bob', username: 'Bob' } });
  for (const member of [author, bob]) await member.do('join', { roomid: 'tea' });
  author.socket.emit('say', { roomid: 'tea', text: 'hi', mentions: ['bob'] });
  const mentions = () => bob.heard.filter(({ event }) => event === 'mention').map(({ data }) => data);
  await eventually(() => expect(mentions()).toHaveLength(1), { timeout: 20_000 });
  expect(existsSync(mark)).toBe(true);
  const [said] = (await bob.do('room:history', { roomid: 'tea' })).messages;
  expect(said).toMatchObject({ event: 'broadcast_say', data: { text: 'hi' } });
  const { id, epoch, seq } = said ?? {};
  expect(mentions()).toMatchObject([
    { id, seq: 1, from: { id: 'ann' }, data: { roomid: 'tea', epoch, seq } },
  ]);
  expect((await bob.do('inbox:list')).items).toHaveLength(1);
  for (const member of [author, bob]) member.close();
});
