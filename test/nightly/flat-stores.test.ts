import { expect, it } from 'vitest';
import { expectFlatDisk } from '../backend/embedded/flat-disk.ts';
import { expectFlatMemory } from '../backend/redis/flat-memory.ts';

const MESSAGES = 1_000_000;

it('neither store grows with a million further messages in full rooms and inboxes', async () => {
  await expectFlatMemory(MESSAGES);
  await expectFlatDisk(MESSAGES);
  expect.assertions(3);
});
