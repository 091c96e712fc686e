import { expect, it } from 'vitest';
import { runMoveToRedis } from '../../src/cli/move-to-redis.ts';
import { STORE_OPTIONS } from '../contract/store-options.ts';

async function run(...args: string[]) {
  const printed = { out: '', err: '' };
  const settings = { ...STORE_OPTIONS, dataDir: '/nowhere', namespaces: ['/'] };
  const code = await runMoveToRedis(args, settings, {
    out: (text) => {
      printed.out += text;
    },
    err: (text) => {
      printed.err += text;
    },
  });
  return { code, ...printed };
}

it('roomcast move-to-redis says how it is used, and what is missing', async () => {
  expect(await run('--help')).toMatchObject({ code: 0, err: '', out: expect.stringContaining('DATA_DIR') });
  expect(await run('there')).toMatchObject({
    code: 2,
    err: expect.stringContaining('"there" belongs to no option'),
  });
  expect(await run('--forget')).toMatchObject({
    code: 2,
    err: expect.stringContaining('--forget is no option'),
  });
  expect(await run()).toMatchObject({ code: 1, out: '', err: expect.stringContaining('set REDIS_URL') });
});
