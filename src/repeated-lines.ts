/*
 * Rate limit of log lines. A failing store or a hostile client can cause the same line thousands of times. The first line
 * of a cause is written at once. The following ones are counted, and one line every ten seconds sums them up. After ten
 * seconds without any, the next line is written at once again.
 */

export interface Line {
  readonly level: number;
  readonly text: string;
  readonly about: Readonly<Record<string, unknown>>;
}

export interface RepeatedLines {
  /** Calls `write` now with the line, or later with the number of lines like it. */
  pass(line: Line, write: (line: Line) => void): void;
  /** Writes the pending counts; call it before the process ends. */
  flush(): void;
}

export interface RepeatedLinesDeps {
  readonly timers: Pick<typeof globalThis, 'setTimeout'>;
}

interface Cause {
  readonly line: Line;
  readonly name: string | undefined;
  readonly write: (line: Line) => void;
  more: number;
}

export const SUMMARY_MS = 10_000;
/** A limit, since clients can vary the text of some lines. */
const MAX_CAUSES = 100;
/** Fields that distinguish causes and have few values. */
const DISTINGUISHING = ['slot', 'event', 'kind', 'route', 'redis'] as const;

export function createRepeatedLines({ timers }: RepeatedLinesDeps): RepeatedLines {
  const causes = new Map<string, Cause>();

  function watch(key: string, cause: Cause): void {
    causes.set(key, cause);
    // The timer must not keep the process alive.
    timers
      .setTimeout(() => {
        if (cause.more === 0) {
          causes.delete(key);
          return;
        }
        sum(cause);
        watch(key, cause);
      }, SUMMARY_MS)
      .unref();
  }

  function sum(cause: Cause): void {
    const { line, name, more, write } = cause;
    if (more === 0) return;
    cause.more = 0;
    const about = Object.fromEntries(DISTINGUISHING.flatMap((field) => fieldIn(line.about, field)));
    const text = `${line.text} (${more} more in the last ${SUMMARY_MS / 1_000} s)`;
    write({
      level: line.level,
      text,
      about: { ...about, ...(name === undefined ? {} : { cause: name }), more },
    });
  }

  return {
    pass(line, write) {
      const name = causeOf(line.about);
      const fields = DISTINGUISHING.map((field) => String(line.about[field] ?? '')).join('\0');
      const own = `${line.level}\0${line.text}\0${name}\0${fields}`;
      const key = causes.has(own) || causes.size < MAX_CAUSES ? own : '';
      const known = causes.get(key);
      if (known) {
        known.more += 1;
        return;
      }
      const others = { ...line, text: 'lines of further causes', about: {} };
      const cause = key === '' ? { line: others, name: undefined } : { line, name };
      watch(key, { ...cause, write, more: 0 });
      write(line);
    },
    flush() {
      for (const cause of causes.values()) sum(cause);
    },
  };
}

function fieldIn(about: Line['about'], field: string): [string, unknown][] {
  return about[field] === undefined ? [] : [[field, about[field]]];
}

/** An error's code or the first word of a Redis reply, such as ECONNREFUSED, NOPERM or LOADING. */
function causeOf({ err, code, reply, reason, cause }: Line['about']): string | undefined {
  if (err instanceof Error) {
    return String((err as NodeJS.ErrnoException).code ?? codeWord(err.message) ?? err.name);
  }
  // A process that a signal ended has the exit code null.
  if (code !== undefined && code !== null) return String(code);
  if (typeof reply === 'string') return codeWord(reply) ?? 'ERR';
  const text = reason ?? cause;
  return typeof text === 'string' ? (codeWord(text) ?? text.slice(0, 80)) : undefined;
}

function codeWord(message: string): string | undefined {
  return /^[A-Z][A-Z0-9_]+(?= |$)/.exec(message)?.[0];
}
