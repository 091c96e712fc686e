import { type DestinationStream, type LogFn, type Logger, pino } from 'pino';
import pretty from 'pino-pretty';
import { createRepeatedLines, type Line } from './repeated-lines.ts';

export type { Logger };

/** Logs go to standard error, so that standard output contains only the line with the address. */
const STDERR = 2;
const { warn: WARN, fatal: FATAL } = pino.levels.values as { warn: number; fatal: number };

export function createLog(options: {
  level: string;
  pretty: boolean;
  base: Record<string, unknown>;
  /** Standard error if not given. */
  destination?: DestinationStream;
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
  return pino(settings, options.destination ?? pino.destination({ dest: STDERR, sync: true }));
}

/** Warnings and errors, and the state of the connection to Redis. A fatal line is always written. */
function isRepeatable({ level, about }: Line): boolean {
  return level < FATAL && (level >= WARN || about.redis !== undefined);
}

function lineOf([first, second]: readonly unknown[], level: number): Line {
  if (typeof first === 'string') return { level, text: first, about: {} };
  return { level, text: String(second ?? ''), about: first as Line['about'] };
}
