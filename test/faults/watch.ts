import { childrenOf, isAlive, rssBytes } from './processes.ts';

const EVERY_MS = 500;
const ERROR_LEVEL = 50;
/** A line that stands for repeats (`more`) comes this long after the first of them. */
const REPEATS_MS = 10_000;
const REPAIR = /connected|subscriber is back|restored|taken away|enters again|respawned|made anew/;

interface Watched {
  readonly pid: number;
  readonly output: () => { readonly stderr: string };
}

/** From what time until what time (ms since 1970) a fault explains what is logged. */
export interface Window {
  readonly from: number;
  readonly to: number;
}

/** What goes on in the servers that no client sees. */
export interface Watch {
  add(host: Watched): void;
  /** This process is about to be killed by us. */
  expectExit(pid: number): void;
  /** Of the largest worker since the last `reset`. */
  readonly maxRssBytes: number;
  /** Processes that ended by themselves since the last `reset`. */
  readonly unexpectedExits: number;
  /** Error lines of the logs that the fault does not explain; a bug is never explained. */
  errorLines(fault: Window): string[];
  /** Lines since the last `reset` that look like work of repair: what a fault left behind. */
  repairs(): number;
  reset(): void;
  stop(): void;
}

export function watchProcesses(first: readonly Watched[]): Watch {
  const hosts = [...first];
  const seen = new Set<number>();
  const expected = new Set<number>();
  let since = Date.now();
  let maxRssBytes = 0;
  let exits = 0;

  const look = () => {
    for (const pid of seen) {
      if (isAlive(pid)) continue;
      seen.delete(pid);
      if (!expected.has(pid)) exits += 1;
    }
    for (const { pid } of hosts) {
      if (!isAlive(pid)) continue;
      seen.add(pid);
      for (const worker of childrenOf(pid)) {
        seen.add(worker);
        maxRssBytes = Math.max(maxRssBytes, rssBytes(worker));
      }
    }
  };
  const looking = setInterval(look, EVERY_MS);
  look();

  function lines(): { level: number; time: number; text: string }[] {
    return hosts.flatMap(({ output }) =>
      output()
        .stderr.split('\n')
        .filter((text) => text !== '')
        .map((text) => ({ ...parse(text), text }))
        .filter(({ time }) => time >= since),
    );
  }

  return {
    add: (host) => void hosts.push(host),
    expectExit: (pid) => void expected.add(pid),
    get maxRssBytes() {
      return maxRssBytes;
    },
    get unexpectedExits() {
      look();
      return exits;
    },
    errorLines: ({ from, to }) =>
      lines()
        .filter(({ level, time, text }) => {
          const explained = time >= from && time <= to && level <= ERROR_LEVEL && !/unhandled/i.test(text);
          return level >= ERROR_LEVEL && !explained;
        })
        .map(({ text }) => text),
    repairs: () => lines().filter(({ text }) => REPAIR.test(text)).length,
    reset() {
      since = Date.now();
      maxRssBytes = 0;
      exits = 0;
    },
    stop: () => clearInterval(looking),
  };
}

/** Lines that are not of the log, such as Node's own on a crash, count as errors of now. */
function parse(text: string): { level: number; time: number } {
  try {
    const { level, time, more = 0 } = JSON.parse(text);
    return { level: Number(level), time: more > 0 ? Number(time) - REPEATS_MS : Number(time) };
  } catch {
    return { level: ERROR_LEVEL, time: Date.now() };
  }
}
