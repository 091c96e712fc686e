import { createRequire } from 'node:module';
import { Writable } from 'node:stream';
import { type DestinationStream, type LogFn, type Logger, pino } from 'pino';
import type pinoPretty from 'pino-pretty';
import { createLogDestination } from './log-destination.ts';
import { createRepeatedLines, type Line } from './repeated-lines.ts';

export type { Logger };

/** Logs go to standard error, so that standard output contains only the line with the address. */
const STDERR = 2;
const MAX_WAITING_BYTES = 4 * 1_024 * 1_024;
const {
  warn: WARN,
  error: ERROR,
  fatal: FATAL,
} = pino.levels.values as { warn: number; error: number; fatal: number };

/**
 * Lines leave in the background, and all that wait when the process exits, also after an uncaught error. A process that is
 * killed, or aborts, loses those that wait behind a write in progress; a line of an error waits for none.
 */
export function createLog(options: {
  level: string;
  pretty: boolean;
  base: Record<string, unknown>;
  /** Standard error if not given. A number is the descriptor of an open file or pipe. */
  destination?: DestinationStream | number;
}): Logger {
  const { level, base, destination: given = STDERR } = options;
  const repeated = createRepeatedLines({ timers: globalThis });
  const ours = typeof given === 'number' ? openDestination(given) : undefined;
  const destination = ours ?? (given as DestinationStream);
  process.once('exit', () => {
    repeated.flush();
    ours?.end();
  });
  const stream = options.pretty ? prettyInto(destination) : destination;
  const hooks = {
    // A hook of the logger, so that no caller can forget it.
    logMethod(this: Logger, args: Parameters<LogFn>, method: LogFn, lineLevel: number): void {
      const line = lineOf(args, lineLevel);
      if (isRepeatable(line)) repeated.pass(line, ({ about, text }) => method.call(this, about, text));
      else method.apply(this, args);
    },
  };
  return pino({ level, base, hooks }, stream);

  function openDestination(fd: number) {
    return createLogDestination({
      fd,
      maxWaitingBytes: MAX_WAITING_BYTES,
      urgentLevel: ERROR,
      // Past the limit of repeated lines, which would keep the newest number back.
      onLost: (lines) => pino({ level, base }, stream).warn({ lines }, 'log lines are missing'),
    });
  }
}

function prettyInto(destination: DestinationStream) {
  const writable = new Writable({
    write(chunk, _encoding, done) {
      destination.write(String(chunk));
      done();
    },
  });
  // Only a terminal needs it.
  const pretty = createRequire(import.meta.url)('pino-pretty') as typeof pinoPretty;
  return pretty({ destination: writable, colorize: true, ignore: 'pid,hostname' });
}

/** Warnings and errors, and the state of the connection to Redis. A fatal line is always written. */
function isRepeatable({ level, about }: Line): boolean {
  return level < FATAL && (level >= WARN || about.redis !== undefined);
}

function lineOf([first, second]: readonly unknown[], level: number): Line {
  if (typeof first === 'string') return { level, text: first, about: {} };
  return { level, text: String(second ?? ''), about: first as Line['about'] };
}
