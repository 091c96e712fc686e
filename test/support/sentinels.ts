import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Certificates, tlsSettings } from './certificates.ts';
import { endWithThis } from './end-with-this.ts';
import { freePorts } from './ports.ts';
import { askRedis, openRedis, type RedisProcess } from './redis-server.ts';

const SENTINELS = 3;
const QUORUM = 2;
/** With exactly the rights that deploy/redis/README.md names. */
const USER = 'me on >pw &* -@all +hello +ping +subscribe +sentinel|master +sentinel|get-master-addr-by-name';
const LIMIT_MS = 60_000;

export interface WatchedRedis {
  /** Values of REDIS_SENTINEL_NAME and REDIS_SENTINELS. */
  readonly name: string;
  readonly sentinels: readonly string[];
  /** The first one is the master at the start. */
  readonly servers: readonly [RedisProcess, RedisProcess];
  /** The server that the Sentinels name. */
  master(): Promise<RedisProcess>;
  /** Resolves once the Sentinels name this server. */
  named(server: RedisProcess): Promise<void>;
  /** Resolves once this server receives what its master takes. */
  replicating(replica: RedisProcess): Promise<void>;
  /** Resolves once the other server has everything that this one has. */
  replicated(master: RedisProcess): Promise<void>;
  /** Has the Sentinels promote the replica; the master keeps running. */
  failover(): Promise<void>;
  close(): Promise<void>;
}

export interface WatchedRedisOptions {
  /** A server that is silent for this long counts as down. */
  readonly downAfterMs?: number;
  readonly settings?: readonly string[];
  /** For servers and Sentinels that speak TLS alone. */
  readonly certificates?: Certificates;
}

/** Two servers, a master and its replica, and three Sentinels that watch them. */
export async function openWatchedRedis(options: WatchedRedisOptions = {}): Promise<WatchedRedis> {
  const { downAfterMs = 1_500, certificates } = options;
  const tls = certificates ? tlsSettings(certificates) : [];
  const settings = [...tls, ...(options.settings ?? [])];
  const name = 'chat';
  const closers: (() => Promise<unknown>)[] = [];
  const close = async () => {
    for (const closeOne of closers.reverse()) await closeOne();
  };
  async function server(more: readonly string[]): Promise<RedisProcess> {
    // A replica asks for the data a second after its start by default.
    const opened = await openRedis(['--repl-diskless-sync-delay', '0', ...settings, ...more]);
    closers.push(opened.close);
    return opened;
  }
  try {
    const first = await server([]);
    const second = await server(['--replicaof', `127.0.0.1 ${first.port}`]);
    const processes: SentinelProcess[] = [];
    for (let n = 0; n < SENTINELS; n += 1) {
      const opened = await openSentinelProcess(name, first.port, downAfterMs, tls);
      processes.push(opened);
      closers.push(opened.close);
    }
    const ask = (command: string) => (processes[0] as SentinelProcess).ask(command);
    const servers = [first, second] as const;

    async function master(): Promise<RedisProcess> {
      const reply = await ask(`SENTINEL GET-MASTER-ADDR-BY-NAME ${name}`);
      const found = servers.find(({ port }) => reply.includes(`\r\n${port}\r\n`));
      if (!found) throw new Error(`Sentinel names no server: ${reply}`);
      return found;
    }
    async function replicated(of: RedisProcess): Promise<void> {
      const other = of === first ? second : first;
      await until('the replica has everything', async () => {
        const [own, theirs] = await Promise.all([of, other].map((each) => each.ask('INFO replication')));
        return /master_link_status:up/.test(theirs ?? '') && offsetOf(own) === offsetOf(theirs);
      });
    }
    await replicated(first);
    // Without knowing each other and the replica, they cannot agree on a failover.
    await until('the Sentinels know each other', async () => {
      const about = await Promise.all(processes.map((one) => one.ask(`SENTINEL MASTER ${name}`)));
      return about.every(
        (text) => fieldOf(text, 'num-slaves') === '1' && fieldOf(text, 'num-other-sentinels') === '2',
      );
    });
    return {
      name,
      sentinels: processes.map(
        ({ port }) => `${certificates ? 'rediss' : 'redis'}://me:pw@127.0.0.1:${port}`,
      ),
      servers,
      master,
      named: (wanted) => until(`the Sentinels name ${wanted.port}`, async () => (await master()) === wanted),
      replicating: (replica) =>
        until('the replica is connected', async () =>
          /master_link_status:up/.test(await replica.ask('INFO replication')),
        ),
      replicated,
      async failover() {
        const before = await master();
        // Refused while the last one is not over. On a busy machine one may also end without a new master.
        await until('the failover happens', async () => {
          await ask(`SENTINEL FAILOVER ${name}`);
          for (let n = 0; n < 50; n += 1) {
            if ((await master()) !== before) return true;
            await delay(100);
          }
          return false;
        });
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

interface SentinelProcess {
  readonly port: number;
  ask(command: string): Promise<string>;
  close(): Promise<void>;
}

async function openSentinelProcess(
  name: string,
  master: number,
  downAfterMs: number,
  tls: readonly string[],
): Promise<SentinelProcess> {
  const dir = await mkdtemp(join(tmpdir(), 'roomcast-sentinel-'));
  const port = await freePorts(1);
  const file = join(dir, 'sentinel.conf');
  const path = join(dir, 'sentinel.sock');
  const ask = (command: string) => askRedis({ path }, command);
  const lines = [
    ...(tls.length > 0 ? ['port 0', `tls-port ${port}`] : [`port ${port}`]),
    `unixsocket ${path}`,
    'bind 127.0.0.1',
    `dir ${dir}`,
    `logfile ${join(dir, 'sentinel.log')}`,
    `user ${USER}`,
    `sentinel monitor ${name} 127.0.0.1 ${master} ${QUORUM}`,
    `sentinel down-after-milliseconds ${name} ${downAfterMs}`,
    `sentinel failover-timeout ${name} 6000`,
  ];
  await writeFile(file, `${lines.join('\n')}\n`);
  const child: ChildProcess = spawn('redis-server', [file, '--sentinel', ...tls], { stdio: 'ignore' });
  const forget = endWithThis(() => child.kill('SIGKILL'));
  async function close(): Promise<void> {
    forget();
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    await rm(dir, { recursive: true, force: true });
  }
  try {
    await until('the Sentinel answers', async () => (await ask('PING').catch(() => '')).includes('PONG'));
  } catch (error) {
    await close();
    throw error;
  }
  return { port, ask, close };
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const giveUpAt = Date.now() + LIMIT_MS;
  while (!(await holds())) {
    if (Date.now() > giveUpAt) throw new Error(`waited in vain: ${what}`);
    await delay(50);
  }
}

function offsetOf(info: string | undefined): string | undefined {
  return /^(?:slave_repl_offset|master_repl_offset):(\d+)/m.exec(info ?? '')?.[1];
}

/** A field in a flat reply of names and values. */
function fieldOf(reply: string, name: string): string | undefined {
  return new RegExp(`\\r\\n${name}\\r\\n\\$\\d+\\r\\n(.*)\\r\\n`).exec(reply)?.[1];
}
