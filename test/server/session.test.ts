import { expect, it } from 'vitest';
import { createBucket, createSharedBuckets } from '../../src/chat/rate-limit.ts';
import { ClientSession, type SessionRates, type SessionStart } from '../../src/server/session.ts';
import type { ClientSocket } from '../../src/server/socket-types.ts';

const rateOf = (burst: number) => ({ perMs: 1 / 1_000, burst });
const shared = (burst: number) => createSharedBuckets(rateOf(burst), () => 0);
const unlimited = createSharedBuckets(undefined, () => 0);

const rates: SessionRates = {
  say: () => createBucket(undefined, () => 0),
  login: () => createBucket(undefined, () => 0),
  signal: () => createBucket(undefined, () => 0),
  sayOfAddress: unlimited,
  signalOfAddress: unlimited,
  moderate: () => createBucket(rateOf(2), () => 0),
  moderateOfUser: shared(3),
  moderateOfAddress: shared(4),
};

function connectionOf(userId: string, address?: string): ClientSession {
  const buckets = new Map<string, ReturnType<SessionRates['moderate']>>();
  const budget = {
    address,
    bucket(name: string, make: SessionRates['moderate']) {
      const bucket = buckets.get(name) ?? make();
      buckets.set(name, bucket);
      return bucket;
    },
  };
  const start = { identity: { user: { id: userId, name: userId } }, budget, rates };
  return new ClientSession({ nsp: { name: '/' } } as ClientSocket, start as unknown as SessionStart);
}

it('a moderator’s orders take from the connection, then from the user, then from the address', () => {
  const orders = (session: ClientSession, count: number) =>
    Array.from({ length: count }, () => session.takeModerationToken() === 0);
  expect(orders(connectionOf('ann', '127.0.0.1'), 3)).toEqual([true, true, false]);
  expect(orders(connectionOf('ann', '127.0.0.1'), 2)).toEqual([true, false]);
  expect(orders(connectionOf('bob', '127.0.0.1'), 2)).toEqual([true, false]);
  expect(orders(connectionOf('carol', '127.0.0.2'), 2)).toEqual([true, true]);
  expect(orders(connectionOf('dan'), 2)).toEqual([true, true]);
});
