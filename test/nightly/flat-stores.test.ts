import { describe, expect, it } from 'vitest';
import { expectFlatDisk } from '../backend/embedded/flat-disk.ts';
import { expectFlatMemory } from '../backend/redis/flat-memory.ts';

const MESSAGES = 1_000_000;
/** It only ends what hangs. */
const LIMIT_MS = 3_600_000;

describe(`${MESSAGES} further messages in full rooms and inboxes`, { timeout: LIMIT_MS }, () => {
  it('take no more memory of Redis', async () => {
    await expectFlatMemory(MESSAGES);
    expect.assertions(2);
  });

  it('take no more of the disk of the embedded store', async () => {
    await expectFlatDisk(MESSAGES);
    expect.assertions(1);
  });
});
