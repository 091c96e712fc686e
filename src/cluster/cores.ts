import { dirname, join } from 'node:path';

export interface HostResources {
  readonly availableParallelism: number;
  /** The text of a file; undefined if it cannot be read. */
  readonly readFile: (path: string) => string | undefined;
}

/**
 * The default number of workers: one per core, but no more than the CPU quota of the control group allows.
 * `availableParallelism` sees the CPU set only: in a container with a quota of 2 on a 64-core host, the kernel would
 * throttle 64 workers together.
 */
export function countCores({ availableParallelism, readFile }: HostResources): number {
  const quotas = groupsOf(readFile('/proc/self/cgroup') ?? '').flatMap(({ version, path }) =>
    ancestors(path).map((group) =>
      version === 2
        ? quotaV2(readFile(join('/sys/fs/cgroup', group, 'cpu.max')))
        : quotaV1((file) => readFile(join('/sys/fs/cgroup/cpu', group, file))),
    ),
  );
  return Math.max(1, Math.floor(Math.min(availableParallelism, ...quotas)));
}

interface Group {
  readonly version: 1 | 2;
  readonly path: string;
}

/** Lines are `0::/path` (version 2) or `4:cpu,cpuacct:/path` (version 1). */
function groupsOf(text: string): Group[] {
  return text.split('\n').flatMap((line): Group[] => {
    const [id, controllers = '', ...rest] = line.split(':');
    const path = rest.join(':');
    if (!path.startsWith('/')) return [];
    if (id === '0' && controllers === '') return [{ version: 2, path }];
    return controllers.split(',').includes('cpu') ? [{ version: 1, path }] : [];
  });
}

/** The quota of a parent group applies too. Inside a container the own path may be invisible; the root is the container then. */
function ancestors(path: string): string[] {
  return path === '/' ? ['/'] : [path, ...ancestors(dirname(path))];
}

function quotaV2(text: string | undefined): number {
  const [quota, period] = (text ?? '').trim().split(/\s+/).map(Number);
  return cores(quota, period);
}

function quotaV1(read: (file: string) => string | undefined): number {
  return cores(Number(read('cpu.cfs_quota_us')), Number(read('cpu.cfs_period_us')));
}

/** No file, `max` and `-1` mean no quota. */
function cores(quota = Number.NaN, period = Number.NaN): number {
  return quota > 0 && period > 0 ? quota / period : Number.POSITIVE_INFINITY;
}
