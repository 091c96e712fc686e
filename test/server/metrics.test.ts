import { describe, expect, it } from 'vitest';
import { refuse, succeed } from '../../src/protocol/codes.ts';
import { createMetrics } from '../../src/server/metrics.ts';
import { IDLE_SOURCES } from './idle-sources.ts';

function watched() {
  const metrics = createMetrics();
  metrics.watch({
    ...IDLE_SOURCES,
    clients: () => 3,
    delivered: () => ({ messages: 40, presence: 3, bytes: 4_000 }),
  });
  return metrics;
}

describe('a worker’s metrics', () => {
  it('are named as Prometheus wants it: counters end in _total, nothing else does, and each has a help text', async () => {
    const { asJson } = watched();
    for (const { name, type, help } of await asJson()) {
      expect(name).toMatch(/^roomcast_[a-z0-9_]+$/);
      expect([name, name.endsWith('_total')]).toEqual([name, `${type}` === 'counter']);
      expect(help.length).toBeGreaterThan(10);
    }
  });

  it('give the primary all counters and histograms, and no gauge, as totals', async () => {
    const metrics = watched();
    const totals = (await metrics.totals()).map(({ name }) => name);
    const all = await metrics.asJson();
    expect(totals.sort()).toEqual(
      all
        .filter(({ type }) => `${type}` !== 'gauge')
        .map(({ name }) => name)
        .sort(),
    );
    expect(totals).toContain('roomcast_append_duration_seconds');
    expect(totals).toContain('roomcast_nodejs_gc_duration_seconds');
  });

  it('measure only what succeeds', async () => {
    const metrics = watched();
    const append = metrics.timed('append', async (ok: boolean) =>
      ok ? succeed('stored') : refuse('unavailable', 'the store is away'),
    );
    expect(await append(true)).toEqual(succeed('stored'));
    expect(await append(false)).toMatchObject({ ok: false });
    expect(await metrics.text()).toContain('\nroomcast_append_duration_seconds_count 1\n');
  });

  it('count refusals by code, and what was written to members', async () => {
    const metrics = watched();
    metrics.refused.inc({ code: 'rate_limited' });
    metrics.handshakesRefused.inc({ code: 'unauthorized' });
    metrics.flushed(8, 2);
    metrics.deferred(60_000);
    metrics.redisReply('append', 3);
    metrics.said('€'.repeat(10));
    metrics.saidPrivately('hello');
    const text = await metrics.text();
    for (const line of [
      'roomcast_events_refused_total{code="rate_limited"} 1',
      'roomcast_handshakes_refused_total{code="unauthorized"} 1',
      'roomcast_messages_delivered_total 40',
      'roomcast_presence_delivered_total 3',
      'roomcast_delivered_bytes_total 4000',
      'roomcast_messages_stored_total 1',
      'roomcast_private_messages_stored_total 1',
      'roomcast_message_text_bytes_bucket{le="16"} 1',
      'roomcast_message_text_bytes_bucket{le="32"} 2',
      'roomcast_message_text_bytes_sum 35',
      'roomcast_flush_messages_bucket{le="8"} 1',
      'roomcast_flush_messages_bucket{le="4"} 0',
      'roomcast_delivery_wait_seconds_bucket{le="0.002"} 1',
      'roomcast_connects_deferred_total 1',
      'roomcast_redis_round_trip_seconds_count{call="append"} 1',
      'roomcast_redis_round_trip_seconds_count{call="read"} 0',
    ])
      expect(text).toContain(`\n${line}\n`);
    expect(Number(/\nroomcast_connect_queue_seconds (\S+)/.exec(text)?.[1])).toBeGreaterThan(0);
  });
});
