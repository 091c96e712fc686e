import { type DestinationStream, type LogFn, type Logger, pino } from 'pino';
import pretty from 'pino-pretty';
import { createRepeatedLines, type Line } from './repeated-lines.ts';

export type { Logger };

/** Logs go to standard error, so that standard output contains only the line with the address. */
const STDERR = 2;
/** Lines that find more waiting are dropped: a log that nobody reads must not fill the memory. */
const MAX_WAITING_BYTES = 4 * 1_024 * 1_024;
const { warn: WARN, fatal: FATAL } = pino.levels.values as { warn: number; fatal: number };

export function createLog(options: {
  level: string;
  pretty: boolean;
  base: Record<string, unknown>;
  /** Standard error if not given. A number is the descriptor of an open file or pipe. */
  destination?: DestinationStream | number;
}): Logger {
  const repeated = createRepeatedLines({ timers: globalThis });
  process.once('exit', repeated.flush);
  const settings = {
    level: options.level,
    base: options.base,
    hooks: {
      // A hook of the logger, so that no caller can forget it.
      logMethod(this: Logger, args: Parameters<LogFn>, method: LogFn, level: number): void {
        const line = lineOf(args, level);
        if (isRepeatable(line)) repeated.pass(line, ({ about, text }) => method.call(this, about, text));
        else method.apply(this, args);
      },
    },
  };
  if (options.pretty) {
    const stream = { destination: options.destination ?? STDERR, sync: true };
    return pino(settings, pretty({ ...stream, colorize: true, ignore: 'pid,hostname' }));
  }
  const { destination = STDERR } = options;
  if (typeof destination !== 'number') return pino(settings, destination);
  const stream = openDestination(destination);
  const log = pino(settings, stream);
  reportDropped(stream, log);
  return log;
}

/**
 * Writes in the background, so that a burst of lines, or a slow reader of the log, does not hold up clients. The first line
 * is written at once, and those that come meanwhile together: the lines of 10,000 connections that ended in one turn were
 * 10,000 system calls in the event loop, and are 900 beside it. pino writes the rest when the process exits, also after an
 * uncaught error, and at once after a fatal line.
 */
function openDestination(fd: number) {
  return pino.destination({
    dest: fd,
    sync: false,
    maxLength: MAX_WAITING_BYTES,
    // All processes of a host share the pipe, which keeps writes up to this size whole (PIPE_BUF).
    maxWrite: 4_096,
  });
}

/** Says how many lines are missing, once there is room again. */
function reportDropped(stream: ReturnType<typeof openDestination>, log: Logger): void {
  let dropped = 0;
  stream.on('drop', () => {
    dropped += 1;
  });
  stream.on('drain', () => {
    if (dropped === 0) return;
    const lines = dropped;
    dropped = 0;
    log.warn({ lines }, 'log lines are missing: the log was read too slowly');
  });
}

/** Warnings and errors, and the state of the connection to Redis. A fatal line is always written. */
function isRepeatable({ level, about }: Line): boolean {
  return level < FATAL && (level >= WARN || about.redis !== undefined);
}

function lineOf([first, second]: readonly unknown[], level: number): Line {
  if (typeof first === 'string') return { level, text: first, about: {} };
  return { level, text: String(second ?? ''), about: first as Line['about'] };
}
