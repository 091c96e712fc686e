import { it } from 'vitest';
import { expectFlatDisk } from './flat-disk.ts';

it('the data file does not grow with 5,000 further messages in full rooms and inboxes', () =>
  expectFlatDisk(5_000));
