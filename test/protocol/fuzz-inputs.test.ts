import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PAYLOADS } from '../../src/protocol/payloads.ts';
import { fieldsOf, schemaOf } from '../fuzz/schema-inputs.ts';
import { event } from '../fuzz/surfaces/events.ts';

describe('random events', () => {
  const sample = fc.sample(event, { seed: 1, numRuns: 1_000 });
  const payloadsOf = (name: string) => sample.flatMap(([each, payload]) => (each === name ? [payload] : []));
  const hasField = (payload: unknown, field: string) =>
    typeof payload === 'object' && payload !== null && Object.hasOwn(payload, field);

  it('are of every event that the protocol has, with every field', () => {
    const missing = Object.entries(PAYLOADS).flatMap(([name, schema]) => {
      const payloads = payloadsOf(name);
      if (payloads.length === 0) return [name];
      const unseen = fieldsOf(schemaOf(schema)).filter(
        (field) => !payloads.some((payload) => hasField(payload, field)),
      );
      return unseen.map((field) => `${name} ${field}`);
    });
    expect(missing).toEqual([]);
  });

  it('are partly taken and partly refused by their schemas', () => {
    const taken = Object.entries(PAYLOADS).flatMap(([name, schema]) =>
      payloadsOf(name).map((payload) => schema.safeParse(payload).success),
    );
    const share = taken.filter(Boolean).length / taken.length;
    expect(share).toBeGreaterThan(0.1);
    expect(share).toBeLessThan(0.9);
  });
});
