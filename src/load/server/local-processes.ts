import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { isLoopback, type ServerUrl } from '../plan/server-url.ts';

/** The processes of the servers that run on this machine, as far as this user may see them. */
export interface LocalServers {
  /** The primaries, or the only process of a server without workers. */
  readonly primaries: readonly number[];
  /** Processes that listen at an address of the run and are no Roomcast: an nginx in front, say. */
  readonly others: readonly { readonly pid: number; readonly name: string }[];
  /** Found anew at each call: killed workers are replaced. */
  workers(): number[];
  redis(): number[];
  /** CPU time of all of them so far, in ms. */
  cpuMs(): number;
}

const LISTEN = '0A';
const ESTABLISHED = '01';
const REDIS = /^(redis|valkey|keydb)-server/;
/** The kernel's USER_HZ. */
const TICKS_PER_S = 100;

/** Undefined if no server is on this machine, or its processes belong to another user. */
export function findLocalServers(servers: readonly ServerUrl[]): LocalServers | undefined {
  const ports = new Set(servers.filter(isLoopback).map(({ port }) => port));
  const listening = holdersOf((socket) => socket.state === LISTEN && ports.has(socket.localPort));
  if (listening.length === 0) return undefined;
  // The primary of a cluster shares its sockets with its workers.
  const primaries = listening.filter((pid) => !listening.includes(parentOf(pid) ?? 0));
  const seen = new Map<number, number>();

  function workers(): number[] {
    return pids().filter((pid) => primaries.includes(parentOf(pid) ?? 0));
  }

  /** The servers' connections lead to it. */
  function redis(): number[] {
    const own = new Set([...primaries, ...workers()].flatMap(socketsOf));
    const sockets = socketTable();
    const remote = new Set(
      sockets
        .filter(({ inode, state }) => state === ESTABLISHED && own.has(inode))
        .map(({ remotePort }) => remotePort),
    );
    return holdersOf(({ state, localPort }) => state === LISTEN && remote.has(localPort)).filter((pid) =>
      REDIS.test(nameOf(pid)),
    );
  }

  const stores = redis();
  return {
    primaries,
    others: primaries.filter((pid) => !isPrimary(pid)).map((pid) => ({ pid, name: nameOf(pid) })),
    workers,
    redis,
    cpuMs() {
      for (const pid of [...primaries, ...workers(), ...stores]) {
        const used = cpuMsOf(pid);
        if (used !== undefined) seen.set(pid, used);
      }
      return [...seen.values()].reduce((sum, used) => sum + used, 0);
    },
  };
}

interface SocketRow {
  readonly localPort: number;
  readonly remotePort: number;
  readonly state: string;
  readonly inode: string;
}

function socketTable(): SocketRow[] {
  return ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((path) =>
    (read(path) ?? '')
      .split('\n')
      .slice(1)
      .flatMap((line): SocketRow[] => {
        const [, local = '', remote = '', state = '', , , , , , inode = ''] = line.trim().split(/\s+/);
        if (inode === '') return [];
        const portOf = (address: string) => Number.parseInt(address.slice(address.lastIndexOf(':') + 1), 16);
        return [{ localPort: portOf(local), remotePort: portOf(remote), state, inode }];
      }),
  );
}

function holdersOf(wanted: (socket: SocketRow) => boolean): number[] {
  const inodes = new Set(
    socketTable()
      .filter(wanted)
      .map(({ inode }) => inode),
  );
  if (inodes.size === 0) return [];
  return pids().filter((pid) => socketsOf(pid).some((inode) => inodes.has(inode)));
}

function socketsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        const [, inode] = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`)) ?? [];
        return inode ?? [];
      } catch {
        return [];
      }
    });
  } catch {
    return [];
  }
}

function pids(): number[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return [];
  }
}

/** The fields of /proc/PID/stat behind the name, which may hold blanks. */
function statOf(pid: number): string[] | undefined {
  const text = read(`/proc/${pid}/stat`);
  return text?.slice(text.lastIndexOf(')') + 2).split(' ');
}

function parentOf(pid: number): number | undefined {
  const parent = statOf(pid)?.[1];
  return parent === undefined ? undefined : Number(parent);
}

function cpuMsOf(pid: number): number | undefined {
  const stat = statOf(pid);
  return stat && ((Number(stat[11]) + Number(stat[12])) * 1_000) / TICKS_PER_S;
}

/** By its command line: `node … start`, or `roomcast start`. */
function isPrimary(pid: number): boolean {
  const words = (read(`/proc/${pid}/cmdline`) ?? '').split('\0').filter((word) => word !== '');
  return /(?:^|\/)(?:node|roomcast)$/.test(words[0] ?? '') && words.at(-1) === 'start';
}

function nameOf(pid: number): string {
  return read(`/proc/${pid}/comm`)?.trim() ?? '';
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
