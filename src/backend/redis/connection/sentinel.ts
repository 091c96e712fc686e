import type { RedisAddress } from './address.ts';
import { createRedisClient } from './client.ts';

/** The address of the master. `failovers` is Sentinel's `config-epoch`, which rises with each failover. */
export interface SentinelAnswer {
  readonly host: string;
  readonly port: number;
  readonly failovers: number;
}

export interface SentinelDeps {
  readonly address: RedisAddress;
  readonly name: string;
  readonly onAnswer: (answer: SentinelAnswer) => void;
  readonly onProblem: (error: unknown) => void;
}

export interface Sentinel {
  /** Asks where the master is, unless it was asked a moment ago. */
  ask(): void;
  close(): void;
}

/** The replica takes writes, and the failover is over. */
const NOTICES = ['+promoted-slave', '+switch-master'];
/** The interval that finds a failover whose notice was lost. */
const ASK_EVERY_MS = 5_000;
/** The shortest interval between two questions: during a failover each failed dial of each connection asks. */
const SHORTEST_MS = 100;

/** A connection to one Sentinel. It asks where the master is on connecting, after each failover, and every few seconds. */
export function openSentinel({ address, name, onAnswer, onProblem }: SentinelDeps): Sentinel {
  const client = createRedisClient(address, 'subscriber');
  let askedAtMs = Number.NEGATIVE_INFINITY;
  let due: NodeJS.Timeout | undefined;
  let closed = false;

  async function askNow(): Promise<void> {
    clearTimeout(due);
    due = undefined;
    askedAtMs = performance.now();
    if (!client.isReady) return;
    try {
      // The number before the address: a failover between the two makes it too low, and the next answer corrects it.
      const [about, where] = await Promise.all([
        client.sendCommand(['SENTINEL', 'MASTER', name]),
        client.sendCommand(['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name]),
      ]);
      const answer = answerOf(about, where);
      if (closed) return;
      if (answer) onAnswer(answer);
      else onProblem(new Error(`the Sentinel at ${address.shown} knows no master ${name}`));
    } catch (error) {
      if (!closed) onProblem(error);
    }
  }

  function ask(): void {
    if (closed || due) return;
    const waitMs = askedAtMs + SHORTEST_MS - performance.now();
    if (waitMs <= 0) void askNow();
    else due = setTimeout(() => void askNow(), waitMs);
  }

  client.on('error', onProblem);
  const onFailover = () => void askNow();
  client.on('ready', () => {
    // Again each time: a subscribe that was under way when the connection was lost is forgotten.
    client.subscribe(NOTICES, onFailover).catch(onProblem);
    void askNow();
  });
  client.connect().catch(() => undefined);
  const asking = setInterval(ask, ASK_EVERY_MS);
  asking.unref();

  return {
    ask,
    close() {
      closed = true;
      clearInterval(asking);
      clearTimeout(due);
      client.destroy();
    },
  };
}

function answerOf(about: unknown, where: unknown): SentinelAnswer | undefined {
  const [host, port] = Array.isArray(where) ? where.map(String) : [];
  if (host === undefined || port === undefined) return undefined;
  return { host, port: Number(port), failovers: Number(fieldIn(about, 'config-epoch') ?? 0) };
}

/** A map in RESP3, a flat list in RESP2. */
function fieldIn(reply: unknown, name: string): unknown {
  if (Array.isArray(reply)) {
    const at = reply.findIndex((word, index) => index % 2 === 0 && String(word) === name);
    return at < 0 ? undefined : reply[at + 1];
  }
  return (reply as Readonly<Record<string, unknown>>)[name];
}
