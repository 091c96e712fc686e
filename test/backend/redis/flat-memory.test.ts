import { it } from 'vitest';
import { expectFlatMemory } from './flat-memory.ts';

it('Redis keeps no more after 8,000 further messages in full rooms and inboxes', () =>
  expectFlatMemory(8_000));
