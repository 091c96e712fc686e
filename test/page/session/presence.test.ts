import { expect, it } from 'vitest';
import { looksLikeAnother } from '../../../src/page/session/presence.ts';

const ann = { userId: 'a', username: 'Ann' };
const ben = { userId: 'b', username: 'Ben' };
const namesake = { userId: 'c', username: 'Ann' };

it('marks whom the server marks, and people of one name whom it does not', () => {
  expect(looksLikeAnother({ ...ben, confusable: true }, [ann, ben])).toBe(true);
  expect(looksLikeAnother(ann, [ann, ben, namesake])).toBe(true);
  expect(looksLikeAnother(ben, [ann, ben, namesake])).toBe(false);
});
