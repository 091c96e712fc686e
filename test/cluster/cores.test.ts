import { expect, test } from 'vitest';
import { countCores } from '../../src/cluster/cores.ts';

const count = (availableParallelism: number, files: Record<string, string>) =>
  countCores({ availableParallelism, readFile: (path) => files[path] });

test('without control groups every core counts', () => {
  expect(count(8, {})).toBe(8);
});

test('a quota of the container limits the count, rounded down but never to nothing', () => {
  const quota = (text: string) => count(8, { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': text });
  expect(quota('250000 100000\n')).toBe(2);
  expect(quota('50000 100000\n')).toBe(1);
  expect(quota('1600000 100000\n')).toBe(8);
  expect(quota('max 100000\n')).toBe(8);
});

test('a quota of a service or of a slice above it counts', () => {
  const own = '/proc/self/cgroup';
  const group = '0::/system.slice/roomcast.service\n';
  expect(
    count(8, { [own]: group, '/sys/fs/cgroup/system.slice/roomcast.service/cpu.max': '300000 100000' }),
  ).toBe(3);
  expect(count(8, { [own]: group, '/sys/fs/cgroup/system.slice/cpu.max': '200000 100000' })).toBe(2);
});

test('version 1 of control groups is read too, inside and outside of a container', () => {
  const group = '12:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n';
  const at = (folder: string, quota: string) =>
    count(8, {
      '/proc/self/cgroup': group,
      [`/sys/fs/cgroup/cpu${folder}/cpu.cfs_quota_us`]: quota,
      [`/sys/fs/cgroup/cpu${folder}/cpu.cfs_period_us`]: '100000\n',
    });
  expect(at('', '400000\n')).toBe(4);
  expect(at('/docker/abc', '200000\n')).toBe(2);
  expect(at('', '-1\n')).toBe(8);
});
