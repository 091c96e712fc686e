import { randomBytes } from 'node:crypto';
import { closeSync, linkSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { BackendError } from '../backend.ts';
import type { Tables } from './tables.ts';

/** The owner of the folder. Its process is alive as long as its socket accepts connections. */
interface Owner {
  readonly pid: number;
  readonly socket: string;
}

/** Gets each connection to the owner's socket. */
export type OnConnection = (socket: Socket) => void;

export interface Lock {
  release(): Promise<void>;
}

/** The owner is recorded in the store, where it changes atomically, and in a file, which can be read without opening the store. */
const OWNER_FACT = 'owner';
const OWNER_FILE = 'owner.json';
/** `sun_path` holds 108 bytes with the closing NUL on Linux, 104 on macOS. */
const MAX_SOCKET_PATH_BYTES = 103;

/**
 * Throws while a living primary owns the folder. Call it before the store is opened: opening waits for the current
 * writer, and a primary that is stopped in the middle of a commit never finishes.
 */
export async function checkNotOwned(dir: string): Promise<void> {
  const owner = readOwnerFile(dir);
  if (owner && (await isAlive(dir, owner))) throw inUse(dir, owner);
}

/**
 * Makes this process the only owner of the folder. The owner's socket dies with the process, however that ends. The
 * owner is replaced in one transaction: of several primaries that find the same dead owner, one wins. (A pid alone
 * could belong to another process by now, or to one of another container.)
 */
export async function openLock(dir: string, tables: Tables, onConnection: OnConnection): Promise<Lock> {
  const own: Owner = { pid: process.pid, socket: `lock-${randomBytes(6).toString('hex')}.sock` };
  const closeSocket = await listen(dir, own.socket, onConnection);
  try {
    await takeOver(dir, tables, own);
  } catch (error) {
    await closeSocket();
    throw error;
  }
  return {
    async release() {
      // The fact is cleared last: from then on the file may be a successor's.
      rmSync(join(dir, OWNER_FILE), { force: true });
      try {
        tables.compareAndSetFact(OWNER_FACT, own, undefined);
      } catch {
        // The disk is full. The next primary finds no socket under the name and replaces it.
      }
      await closeSocket();
    },
  };
}

/**
 * Keeps primaries out of the folder without opening its store, which may be damaged. A primary that looked before sees
 * the file once it has won the store.
 */
export async function holdFolder(
  dir: string,
  onConnection: OnConnection = (socket) => void socket.destroy(),
): Promise<Lock> {
  const own: Owner = { pid: process.pid, socket: `lock-${randomBytes(6).toString('hex')}.sock` };
  const closeSocket = await listen(dir, own.socket, onConnection);
  const draft = join(dir, `${own.socket}.json`);
  const old = join(dir, `${own.socket}.old`);
  try {
    await checkNotOwned(dir);
    const dead = readOwnerFile(dir);
    if (dead) {
      // Moved first, read again then: what another process has put there since is put back.
      renameSync(join(dir, OWNER_FILE), old);
      const moved = JSON.parse(readFileSync(old, 'utf8')) as Owner;
      if (await isAlive(dir, moved)) {
        linkSync(old, join(dir, OWNER_FILE));
        throw inUse(dir, moved);
      }
      rmSync(join(dir, moved.socket), { force: true });
    }
    writeFileSync(draft, JSON.stringify(own));
    // Exclusive, as a rename is not: of two holders one fails.
    linkSync(draft, join(dir, OWNER_FILE));
  } catch (error) {
    await closeSocket();
    throw error;
  } finally {
    rmSync(draft, { force: true });
    rmSync(old, { force: true });
  }
  return {
    async release() {
      if (readOwnerFile(dir)?.socket === own.socket) rmSync(join(dir, OWNER_FILE), { force: true });
      await closeSocket();
    },
  };
}

async function takeOver(dir: string, tables: Tables, own: Owner): Promise<void> {
  for (;;) {
    const owner = tables.fact(OWNER_FACT) as Owner | undefined;
    if (owner && (await isAlive(dir, owner))) throw inUse(dir, owner);
    if (!tables.compareAndSetFact(OWNER_FACT, owner, own)) continue;
    if (owner) rmSync(join(dir, owner.socket), { force: true });
    const holder = readOwnerFile(dir);
    if (holder && (await isAlive(dir, holder))) {
      tables.compareAndSetFact(OWNER_FACT, own, undefined);
      throw inUse(dir, holder);
    }
    const draft = join(dir, `${own.socket}.json`);
    writeFileSync(draft, JSON.stringify(own));
    renameSync(draft, join(dir, OWNER_FILE));
    return;
  }
}

function inUse(dir: string, { pid }: Owner): BackendError {
  return new BackendError(
    `DATA_DIR ${dir} is in use by another Roomcast (pid ${pid}). Stop it, or choose another DATA_DIR.`,
  );
}

function readOwnerFile(dir: string): Owner | undefined {
  try {
    return JSON.parse(readFileSync(join(dir, OWNER_FILE), 'utf8')) as Owner;
  } catch {
    return undefined;
  }
}

async function listen(dir: string, name: string, onConnection: OnConnection): Promise<() => Promise<void>> {
  const reach = socketPathIn(dir, name);
  const connections = new Set<Socket>();
  const server = createServer((socket) => {
    connections.add(socket.on('close', () => connections.delete(socket)));
    onConnection(socket);
  });
  server.unref();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(reach.path, resolve);
    });
  } catch (error) {
    reach.close();
    throw new BackendError(
      `DATA_DIR ${dir} cannot be locked (${(error as Error).message}). It must be on a file system with UNIX sockets.`,
    );
  }
  return async () => {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of connections) socket.destroy();
    await closed;
    rmSync(join(dir, name), { force: true });
    reach.close();
  };
}

/** Connects to the owner of the folder; undefined if none is alive. Throws if it is another user's. */
export async function connectToOwner(dir: string): Promise<Socket | undefined> {
  const owner = readOwnerFile(dir);
  const reached = owner && (await reach(dir, owner));
  if (reached === 'unreachable') throw inUse(dir, owner as Owner);
  return reached === 'dead' ? undefined : reached;
}

/** Anything but a refused connection counts as alive: a stopped owner, or one of another user, still owns the folder. */
async function isAlive(dir: string, owner: Owner): Promise<boolean> {
  const reached = await reach(dir, owner);
  if (typeof reached === 'object') reached.destroy();
  return reached !== 'dead';
}

async function reach(dir: string, { socket: name }: Owner): Promise<Socket | 'dead' | 'unreachable'> {
  const at = socketPathIn(dir, name);
  try {
    return await new Promise((resolve) => {
      const socket = connect(at.path);
      socket.once('connect', () => resolve(socket));
      socket.once('error', ({ code }: NodeJS.ErrnoException) => {
        resolve(code === 'ECONNREFUSED' || code === 'ENOENT' ? 'dead' : 'unreachable');
      });
    });
  } finally {
    at.close();
  }
}

/** A path beyond the limit of socket addresses is reached through the opened folder. */
function socketPathIn(dir: string, name: string): { readonly path: string; close(): void } {
  const path = join(dir, name);
  if (Buffer.byteLength(path) <= MAX_SOCKET_PATH_BYTES) return { path, close() {} };
  if (process.platform !== 'linux') {
    throw new BackendError(`DATA_DIR ${dir} is too long a path for its lock. Choose a shorter one.`);
  }
  const folder = openSync(dir, 'r');
  return { path: `/proc/self/fd/${folder}/${name}`, close: () => closeSync(folder) };
}
