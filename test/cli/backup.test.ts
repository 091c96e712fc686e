import { describe, expect, it } from 'vitest';
import { runBackup, runRestore } from '../../src/cli/backup.ts';
import { createPrinted } from './command-line.ts';

const SETTINGS = { dataDir: '/nonexistent/data' };

describe.each([
  ['backup', runBackup],
  ['restore', runRestore],
] as const)('roomcast %s', (name, run) => {
  async function said(argv: string, settings: object = SETTINGS) {
    const print = createPrinted();
    const code = await run(argv.split(' ').filter(Boolean), { ...SETTINGS, ...settings }, print);
    return { code, ...print.text() };
  }

  it('prints its help with an example', async () => {
    expect(await said('--help')).toMatchObject({
      code: 0,
      out: expect.stringContaining('\nExample'),
      err: '',
    });
  });

  it.each([
    ['', 'DIR is needed'],
    ['one two', 'takes one DIR'],
    ['one --forze', '--forze is no option'],
  ])('refuses %j', async (argv, problem) => {
    expect(await said(argv)).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringContaining(`roomcast ${name}: ${problem}`),
    });
  });

  it('does nothing where the data is in Redis, or where there is none', async () => {
    for (const settings of [
      { redisUrl: 'redis://localhost' },
      { redisUrls: ['redis://a', 'redis://b'] },
      { redisClusterNodes: ['a:6379'] },
      { redisSentinels: ['a:26379'], redisSentinelName: 'chat' },
    ]) {
      const refused = await said('dir', settings);
      expect([refused.code, refused.err]).toEqual([1, expect.stringContaining('the data is in Redis')]);
    }
    const none = await said('/nonexistent/backup');
    expect([none.code, none.err]).toEqual([1, expect.stringMatching(/holds no store|is no backup/)]);
  });
});
