import { it } from 'vitest';
import { FAN_OUT } from '../bench/cases/fan-out.ts';
import { smoke } from '../bench/smoke.ts';

it('the fan-out benchmark, tiny, starts every system and misses no message', async () => {
  await smoke(FAN_OUT);
});
