import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { granted, twoPeers } from './peers.ts';
import type { Harness, StorePeer } from './suite.ts';

const LEASE_MS = 60_000;

/** What the queue of webhooks promises. */
export function hooksContract(harness: () => Promise<Harness<StorePeer>>): void {
  describe('hooks', () => {
    it('keep the state of a listed subject: when it is listed again, and over a restart', async () => {
      const { a, b, store } = await twoPeers(harness);
      expect(granted(await a.hooks.list('room-2', 'begin'))).toBe('begin');
      granted(await a.hooks.list('room-1', 'other words'));
      expect(granted(await b.hooks.lease('b', LEASE_MS))).toBe(true);
      expect(granted(await b.hooks.advance('b', [{ subject: 'room-2', state: 'epoch 7' }]))).toBe(true);
      expect(granted(await a.hooks.list('room-2', 'begin'))).toBe('epoch 7');
      granted(await b.hooks.lease('b', 0));
      await store.restart();
      const c = await store.open();
      const first = granted(await c.hooks.listed(undefined, 1));
      expect(first).toEqual([{ subject: 'room-1', state: 'other words', idleMs: expect.any(Number) }]);
      const rest = granted(await c.hooks.listed('room-1', 10));
      expect(rest).toEqual([{ subject: 'room-2', state: 'epoch 7', idleMs: expect.any(Number) }]);
      expect(granted(await c.hooks.listed('room-2', 10))).toEqual([]);
    });

    it('lease the sending to one holder, who alone takes notes and stores states', async () => {
      const { a, b } = await twoPeers(harness);
      granted(await a.hooks.list('room', 'begin'));
      granted(await a.hooks.note(['room', 'never listed']));
      expect(granted(await a.hooks.lease('a', LEASE_MS))).toBe(true);
      expect(granted(await b.hooks.lease('b', LEASE_MS))).toBe(false);
      expect(granted(await b.hooks.lease('b', 0))).toBe(false);
      expect(granted(await b.hooks.take('b', 10))).toEqual([]);
      expect(granted(await b.hooks.advance('b', [{ subject: 'room', state: 'stolen' }]))).toBe(false);
      expect(granted(await a.hooks.take('a', 10))).toEqual([{ subject: 'room', state: 'begin' }]);
      expect(granted(await a.hooks.take('a', 10))).toEqual([]);
      granted(await a.hooks.lease('a', 0));
      expect(granted(await b.hooks.lease('b', 50))).toBe(true);
      await eventually(async () => expect(granted(await a.hooks.lease('a', LEASE_MS))).toBe(true));
      expect(granted(await b.hooks.advance('b', [{ subject: 'room', state: 'late' }]))).toBe(false);
    });

    it('take the subjects that were noted first, each once', async () => {
      const { a, b } = await twoPeers(harness);
      for (const subject of ['c', 'a', 'b']) granted(await a.hooks.list(subject, '0'));
      granted(await a.hooks.note(['a']));
      granted(await b.hooks.note(['b', 'a']));
      granted(await a.hooks.lease('a', LEASE_MS));
      const taken = [granted(await a.hooks.take('a', 1)), granted(await a.hooks.take('a', 5))].flat();
      expect(taken.map(({ subject }) => subject).sort()).toEqual(['a', 'b']);
    });

    it('unlist a subject only in the state that the holder has seen, and after its time', async () => {
      const { a, b } = await twoPeers(harness);
      granted(await a.hooks.list('room', 'old'));
      granted(await a.hooks.lease('a', LEASE_MS));
      const listed = async () => granted(await a.hooks.listed(undefined, 10)).map(({ subject }) => subject);
      granted(await b.hooks.unlist('b', { subject: 'room', state: 'old' }, 0));
      granted(await a.hooks.unlist('a', { subject: 'room', state: 'new' }, 0));
      granted(await a.hooks.unlist('a', { subject: 'room', state: 'old' }, 3_600_000));
      expect(await listed()).toEqual(['room']);
      granted(await a.hooks.unlist('a', { subject: 'room', state: 'old' }, 0));
      expect(await listed()).toEqual([]);
    });
  });
}
