import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createIpcChannel } from '../../src/cluster/ipc-channel.ts';
import { value } from '../fuzz/values.ts';
import { seedOf } from '../support/seed.ts';
import { createPortPair } from './fake-port.ts';
import { silentLog } from './silent-log.ts';

const RUNS = 300;
const seed = seedOf(1);

const part = <T>(right: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 4, arbitrary: right }, { weight: 1, arbitrary: value });
const message = fc.oneof(
  {
    weight: 9,
    arbitrary: fc.record(
      {
        rc: part(fc.integer({ min: 6, max: 11 })),
        op: part(fc.constantFrom('hello', 'request', 'reply', 'notice')),
        id: part(fc.integer({ min: -1, max: 3 })),
        kind: part(fc.constantFrom('double', 'told', 'nobody', '__proto__')),
        body: value,
        outcome: value,
        versions: part(fc.record({ min: fc.nat(12), max: fc.nat(12) })),
      },
      { requiredKeys: ['rc'] },
    ),
  },
  { weight: 1, arbitrary: value },
);

describe('an end of the IPC', () => {
  it('takes what no end of any release sends without an error, and serves on', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(message, { maxLength: 20 }), async (messages) => {
        const [one, other] = createPortPair();
        const channel = createIpcChannel(one, { log: silentLog });
        channel.onRequest<unknown, unknown>('double', (body) => ({ ok: true, value: [body, body] }));
        channel.onNotice<{ count: number }>('told', ({ count }) => count.toFixed());
        const asked = channel.request<null, unknown>('question', null, 1);
        for (const each of messages) one.receive(each);
        const answer = await asked;
        expect(typeof answer.ok).toBe('boolean');
        const far = createIpcChannel(other, { log: silentLog });
        expect(await far.request<number, unknown>('double', 2)).toEqual({ ok: true, value: [2, 2] });
      }),
      { seed, numRuns: RUNS },
    );
  });
});
