import { expect, it } from 'vitest';
import { tokenSubject } from '../../src/client/token-subject.ts';
import { tokenOf } from './token.ts';

it.each(['ann', 'Zoë', '名前 7', '?>?>'.repeat(3).replace(/[?>]/g, 'ÿ')])(
  'finds the user %j in a token',
  (sub) => {
    expect(tokenSubject(tokenOf({ sub }))).toBe(sub);
  },
);

it.each([
  '',
  'opaque',
  'a.b.c',
  'e30',
  tokenOf({}),
  tokenOf({ sub: '' }),
  tokenOf({ sub: { id: 'ann' } }),
  `x.${Buffer.from('null').toString('base64url')}.y`,
])('finds nobody in %j', (token) => {
  expect(tokenSubject(token)).toBeUndefined();
});
