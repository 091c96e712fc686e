import { openFilesIn } from '../../cluster/open-files.ts';
import { findPortProblems, type PortClaim } from '../../cluster/ports.ts';
import type { Finding } from './finding.ts';

/** A Roomcast that answers on ADMIN_PORT. */
export interface RunningPrimary {
  readonly pid: number;
  /** It has the ports of these settings. */
  readonly isOurs: boolean;
  /** The ports of its workers. */
  readonly ports: readonly number[];
}

export interface HostCheckDeps {
  readonly primary: RunningPrimary | undefined;
  readonly claims: readonly PortClaim[];
  /** Undefined if there is no such file, or if it may not be read. */
  readonly readFile: (path: string) => string | undefined;
}

/** A worker with more clients than this needs more; the usual soft limit of a login shell is 1,024. */
const LEAST_FILES = 4_096;
const LEAST_BACKLOG = 1_024;
const CONNTRACK_SHARE = 0.8;

/** Looks at what the kernel allows, and at the ports unless the server itself holds them. */
export async function checkHost({ primary, claims, readFile }: HostCheckDeps): Promise<Finding[]> {
  const findings: Finding[] = [];
  const find = (problem: string, fix: string) => findings.push({ subject: 'host', problem, fix });

  const primaryPid = primary?.isOurs ? primary.pid : undefined;
  const files = openFilesIn(readFile(`/proc/${primaryPid ?? 'self'}/limits`) ?? '');
  if (files !== undefined && files < LEAST_FILES) {
    const whose = primaryPid === undefined ? 'this shell' : 'the server';
    find(
      `${whose} may open ${files} files, and each client takes one`,
      'Raise it: LimitNOFILE=65536 in the systemd unit, `ulimit -n 65536` in a shell, --ulimit nofile=65536 for Docker',
    );
  }
  const backlog = numberIn(readFile('/proc/sys/net/core/somaxconn'));
  if (backlog !== undefined && backlog < LEAST_BACKLOG) {
    find(
      `the kernel queues ${backlog} new connections at most (net.core.somaxconn), fewer than come at once after a restart`,
      'Run `sysctl -w net.core.somaxconn=4096` and keep it in /etc/sysctl.d',
    );
  }
  const tracked = numberIn(readFile('/proc/sys/net/netfilter/nf_conntrack_count'));
  const most = numberIn(readFile('/proc/sys/net/netfilter/nf_conntrack_max'));
  if (tracked !== undefined && most !== undefined && tracked >= most * CONNTRACK_SHARE) {
    find(
      `the firewall tracks ${tracked} of at most ${most} connections; beyond that the kernel drops packets of new ones`,
      `Run \`sysctl -w net.netfilter.nf_conntrack_max=${most * 4}\` and keep it in /etc/sysctl.d, or do not track the chat’s ports`,
    );
  }
  if (primary && !primary.isOurs) {
    find(
      `another Roomcast (pid ${primary.pid}) answers on ADMIN_PORT, and its workers listen on ${primary.ports.join(', ')}, not from BASE_PORT on`,
      'Run the doctor with the settings of that server, or give this one an ADMIN_PORT of its own',
    );
  }
  // The running server itself listens on them.
  const taken = primaryPid === undefined ? await findPortProblems(claims) : [];
  for (const problem of taken) find(problem, 'Stop the program that listens there, or choose another port');
  return findings;
}

function numberIn(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+\s*$/.test(text) ? Number(text) : undefined;
}
