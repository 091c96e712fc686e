import { type Logger, pino } from 'pino';
import pretty from 'pino-pretty';

export type { Logger };

/** Logs go to standard error, so that standard output holds nothing but the line with the address. */
const STDERR = 2;

export function createLog(options: {
  level: string;
  pretty: boolean;
  base: Record<string, unknown>;
}): Logger {
  const settings = { level: options.level, base: options.base };
  return options.pretty
    ? pino(settings, pretty({ destination: STDERR, sync: true, colorize: true, ignore: 'pid,hostname' }))
    : pino(settings, pino.destination({ dest: STDERR, sync: true }));
}
