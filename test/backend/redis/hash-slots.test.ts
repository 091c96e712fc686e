import { describe, expect, it } from 'vitest';
import { parseClusterNodes } from '../../../src/backend/redis/topology/cluster-nodes.ts';
import { slotOf, tagIn, tagOf } from '../../../src/backend/redis/topology/hash-slots.ts';
import { createRendezvous } from '../../../src/backend/redis/topology/rendezvous.ts';
import { createSlotOwners } from '../../../src/backend/redis/topology/slot-owners.ts';

describe('the place of a key', () => {
  it('is the slot that Redis Cluster gives it', () => {
    // CLUSTER KEYSLOT answers the same.
    expect(slotOf('123456789')).toBe(12_739);
    expect(slotOf('rc:{user1000}:log')).toBe(slotOf('user1000'));
    expect(slotOf('user1000')).toBe(3_443);
    expect(slotOf('')).toBe(0);
  });

  it('depends on the first braces that hold something', () => {
    expect(tagOf('rc:{a}:{b}')).toBe('a');
    expect(tagOf('rc:{}:{b}')).toBe('rc:{}:{b}');
    expect(tagOf('rc:{a')).toBe('rc:{a');
    expect(tagOf('rc:boots')).toBe('rc:boots');
  });

  it('is found for a single slot, too', () => {
    const tag = tagIn((slot) => slot === 16_383);
    expect(slotOf(tag ?? '')).toBe(16_383);
    expect(tagIn(() => false)).toBeUndefined();
  });
});

describe('the owner of a slot', () => {
  const [a, b] = [{ name: 'a' }, { name: 'b' }];

  it('changes only for a higher configuration epoch', () => {
    const owners = createSlotOwners<{ name: string }>();
    expect(owners.assign(a, [[0, 16_383]], 3)).toBe(true);
    expect(owners.complete()).toBe(true);
    expect(owners.assign(b, [[5, 5]], 2)).toBe(false);
    expect(owners.assign(b, [[5, 5]], 3)).toBe(false);
    expect(owners.of(5)).toBe(a);
    expect(owners.has(b)).toBe(false);
    expect(owners.assign(b, [[5, 5]], 4)).toBe(true);
    expect(owners.of(5)).toBe(b);
    expect(owners.assign(a, [[0, 16_383]], 3)).toBe(false);
    expect(owners.of(5)).toBe(b);
  });

  it('changes for any epoch once its owner itself no longer claims the slot', () => {
    const owners = createSlotOwners<{ name: string }>();
    owners.assign(a, [[0, 9]], 7);
    expect(owners.assign(b, [[0, 4]], 1)).toBe(false);
    owners.keepOnly(a, [[5, 9]]);
    expect(owners.assign(b, [[0, 9]], 1)).toBe(true);
    expect([0, 4, 5, 9].map(owners.of)).toEqual([b, b, a, a]);
    owners.release(9);
    expect(owners.assign(b, [[9, 9]], 1)).toBe(true);
    expect(owners.of(9)).toBe(b);
  });

  it('has a tag of its own, the same one while its slot stays', () => {
    const owners = createSlotOwners<{ name: string }>();
    const isB = (owner: { name: string }) => owner === b;
    expect(owners.tagAt(isB, undefined)).toBeUndefined();
    owners.assign(b, [[0, 100]], 1);
    const tag = owners.tagAt(isB, undefined) as string;
    expect(slotOf(tag)).toBeLessThanOrEqual(100);
    expect(owners.tagAt(isB, tag)).toBe(tag);
    owners.assign(a, [[slotOf(tag), slotOf(tag)]], 2);
    expect(owners.tagAt(isB, tag)).not.toBe(tag);
  });
});

describe('the server of a tag among several', () => {
  const tags = Array.from({ length: 3_000 }, (_, index) => `tag${index}`);

  it('is each of them for about as many tags', () => {
    const indexOf = createRendezvous(['a:1/0', 'b:1/0', 'c:1/0']);
    for (const server of [0, 1, 2]) {
      const share = tags.filter((tag) => indexOf(tag) === server).length;
      expect(share).toBeGreaterThan(850);
      expect(share).toBeLessThan(1_150);
    }
  });

  it('does not depend on their order, and changes only towards an added one', () => {
    const [before, other] = [
      ['a:1/0', 'b:1/0', 'c:1/0'],
      ['c:1/0', 'a:1/0', 'b:1/0'],
    ];
    const [indexBefore, indexOther] = [createRendezvous(before), createRendezvous(other)];
    const after = [...before, 'd:1/0'];
    const indexAfter = createRendezvous(after);
    let moved = 0;
    for (const tag of tags) {
      const server = before[indexBefore(tag)];
      expect(other[indexOther(tag)]).toBe(server);
      const now = after[indexAfter(tag)];
      if (now === server) continue;
      expect(now).toBe('d:1/0');
      moved += 1;
    }
    expect(moved).toBeGreaterThan(600);
    expect(moved).toBeLessThan(900);
  });
});

describe('the nodes of a Redis Cluster', () => {
  it('are read with their slots, except what moves just now', () => {
    const reply = [
      '07c3 127.0.0.1:30004@31004,,shard-id=x slave e7d1 0 1426238317239 4 connected',
      '67ed 127.0.0.1:30002@31002,two.example master - 0 1426238316232 2 connected 5461-10922',
      'e7d1 :30001@31001 myself,master - 0 0 1 connected 0-5459 5461 [5460->-67ed]',
      '9999 :0@0 master,noaddr - 0 0 1 disconnected 7',
      '',
    ].join('\n');
    expect(parseClusterNodes(reply, 'asked')).toEqual([
      { host: '127.0.0.1', isMyself: false, port: 30_004, configEpoch: 4, slots: [] },
      {
        host: 'two.example',
        otherHost: '127.0.0.1',
        isMyself: false,
        port: 30_002,
        configEpoch: 2,
        slots: [[5_461, 10_922]],
      },
      {
        host: 'asked',
        isMyself: true,
        port: 30_001,
        configEpoch: 1,
        slots: [
          [0, 5_459],
          [5_461, 5_461],
        ],
      },
    ]);
  });
});
