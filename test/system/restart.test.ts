import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Host, runRoomcast } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { systemFixture } from '../support/fixture.ts';
import { openRedis, type RedisProcess } from '../support/redis-server.ts';
import { MODES } from '../support/system.ts';

describe.each(MODES)('a restart of everything, %s', (mode) => {
  const stage = systemFixture(mode, {}, { workersEach: 1 });

  it.each(['SIGTERM', 'SIGKILL'] as const)(
    'by %s loses nothing that was acked, and a client resumes',
    async (signal) => {
      const roomid = stage.fresh('keep');
      const ann = await stage.enter(stage.at(0), roomid, 'Ann');
      const acked = await Promise.all(
        Array.from({ length: 30 }, (_, n) => ann.do('say', { text: `t${n}`, clientMsgId: `c${n}` })),
      );
      const other = stage.fresh('erased');
      await ann.do('join', { roomid: other });
      await ann.do('say', { roomid: other, text: `erased by ${signal} ${'x'.repeat(6_000)}` });
      await ann.do('delete', { roomid: other, seq: 1 });
      const { epoch, guestToken, user } = { ...ann.joined, ...ann.hello };
      ann.close();
      await stage.system.restart(signal);

      const auth = { userId: user.id, guestToken, resume: { epoch, seq: 10 } };
      const back = await stage.enter(stage.at(1), roomid, 'Ann', { auth });
      expect(back.hello.user.id).toBe(user.id);
      expect(back.joined).toMatchObject({ recovered: true, seq: 30 });
      expect(back.joined.messages.map(({ seq, id }) => `${seq} ${id}`)).toEqual(
        acked.slice(10).map(({ seq, id }) => `${seq} ${id}`),
      );
      expect(await back.do('say', { text: 't3', clientMsgId: 'c3' })).toMatchObject({ dup: true, seq: 4 });
      expect(await back.do('say', { text: 'on' })).toMatchObject({ seq: 31 });
      if (mode === 'cluster') return;
      const file = join(stage.system.hosts[0]?.dataDir ?? '', 'data.mdb');
      await eventually(async () =>
        expect(await readFile(file, 'latin1')).not.toContain(`erased by ${signal}`),
      );
    },
  );

  // The last one: the hosts stay stopped.
  it.runIf(mode === 'cluster')('by SIGTERM ends every lease: `roomcast rebalance` runs at once', async () => {
    const { hosts, redis } = stage.system as { hosts: readonly Host[]; redis: RedisProcess };
    const other = await openRedis();
    onTestFinished(() => other.close());
    await Promise.all(hosts.map((host) => host.stop()));
    const { child, output } = runRoomcast(['rebalance'], { REDIS_URLS: `${redis.url},${other.url}` });
    const [code] = await once(child, 'exit');
    expect({ code, ...output() }).toEqual({
      code: 0,
      stdout: expect.stringMatching(/^\d+ keys moved; every key is at its server\.\n$/),
      stderr: '',
    });
  });
});
