import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';

/** Below the range the kernel takes outgoing ports from, so that a client's port is never in the way. */
const LOWEST = 20_000;
const HIGHEST = 31_000;

/**
 * A file for each port that a test took, with the id of its process; without effect once that has ended. All runs on a machine
 * share the folder, wherever they keep their other temporary files.
 */
const TAKEN = `/tmp/roomcast-test-ports-${userInfo().uid}`;
const fileOf = (port: number) => join(TAKEN, String(port));

/**
 * The first of `count` free ports in a row. They stay this process's until it ends: other tests on this machine take
 * ports between a look and its use, and while a server that is started again is down.
 */
export async function freePorts(count: number): Promise<number> {
  mkdirSync(TAKEN, { recursive: true });
  for (;;) {
    const first = LOWEST + Math.floor(Math.random() * (HIGHEST - LOWEST - count));
    const ports = Array.from({ length: count }, (_, index) => first + index);
    const reserved = ports.filter(reserve);
    const free = reserved.length === count && (await Promise.all(ports.map(isFree))).every(Boolean);
    if (free) return first;
    for (const port of reserved) rmSync(fileOf(port), { force: true });
  }
}

function reserve(port: number): boolean {
  const file = fileOf(port);
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    return true;
  } catch {
    if (!isHeld(file)) rmSync(file, { force: true });
    return false;
  }
}

/** Returns whether the process that took the port still runs. A file without an id is being written. */
function isHeld(file: string): boolean {
  try {
    const pid = Number(readFileSync(file, 'utf8'));
    return pid === 0 || process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}
