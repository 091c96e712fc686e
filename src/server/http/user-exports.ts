import type { ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import type { Admission } from '../../chat/admission.ts';
import { inboxOf } from '../../chat/room.ts';
import { type Outcome, refuse, succeed } from '../../protocol/codes.ts';
import { MEDIA, STREAM_HEADERS, type StartStream } from './answer-kinds.ts';
import { beginExport, type ExportPages, exportOf, type UserExportStores } from './user-export.ts';

export interface UserExports {
  /** Begins an export of what is stored about the user. The caller MUST start it at once. */
  open(nsp: string, userId: string): Promise<Outcome<StartStream>>;
  /** Ends every export with an error, and refuses new ones. */
  drain(): void;
}

export interface UserExportsDeps extends UserExportStores {
  readonly admission: Pick<Admission, 'run'>;
  /** The time in which a reader must take a page. */
  readonly pageMs?: number;
  readonly now: () => number;
  readonly log: Logger;
}

/** The exports of a worker at one time: each reads the store all the time, and holds a page. */
const MAX_EXPORTS = 8;
/** A reader at 10 kbit/s takes a page in that time. */
const PAGE_MS = 300_000;
const RETRY_MS = 1_000;
const HEADERS = { ...STREAM_HEADERS, 'Content-Type': `${MEDIA.lines}; charset=utf-8` };

export function createUserExports(deps: UserExportsDeps): UserExports {
  const { admission, pageMs = PAGE_MS, log } = deps;
  let open = 0;
  let draining = false;

  /** After the first line, an overloaded store makes the export wait: it cannot be refused any more. */
  function turnsOf(caller: object) {
    return <T>(step: () => Promise<Outcome<T>>): Promise<Outcome<T>> =>
      draining
        ? Promise.resolve(refuse('unavailable', 'this server is going away', RETRY_MS))
        : admission.run(caller, step, 'patient');
  }

  /** Returns the next lines, and whether they are the last. */
  async function nextOf(pages: ExportPages): Promise<{ readonly lines: readonly object[]; isLast: boolean }> {
    try {
      const { done, value } = await pages.next();
      if (!done) return { lines: value, isLast: false };
      return { lines: value.ok ? [] : [{ type: 'error', error: value.error }], isLast: true };
    } catch (error) {
      log.error({ err: error }, 'an export failed');
      const { error: told } = refuse('internal', 'internal error');
      return { lines: [{ type: 'error', error: told }], isLast: true };
    }
  }

  async function write(response: ServerResponse, pages: ExportPages): Promise<void> {
    response.on('error', () => undefined);
    response.writeHead(200, HEADERS);
    for (let isLast = response.destroyed; !isLast; ) {
      const page = await nextOf(pages);
      const text = page.lines.map((line) => `${JSON.stringify(line)}\n`).join('');
      if (text !== '' && !response.write(text)) await taken(response, pageMs);
      isLast = page.isLast || response.destroyed;
    }
    response.end();
  }

  return {
    async open(nsp, userId) {
      if (draining) return refuse('unavailable', 'this server is going away', RETRY_MS);
      if (open >= MAX_EXPORTS) return refuse('rate_limited', 'too many exports are under way', RETRY_MS);
      open += 1;
      const begun = await beginExport(deps, inboxOf(nsp, userId)).catch((error: unknown) => {
        open -= 1;
        throw error;
      });
      if (!begun.ok) {
        open -= 1;
        return begun;
      }
      return succeed((response) => {
        const pages = exportOf({ ...deps, inTurn: turnsOf(response) }, { nsp, userId }, begun.value);
        void write(response, pages).finally(() => {
          open -= 1;
        });
      });
    },
    drain() {
      draining = true;
    },
  };
}

/** Resolves once the reader has taken what was written, or is gone; one that does not take it in time is cut off. */
function taken(response: ServerResponse, withinMs: number): Promise<void> {
  return new Promise((resolve) => {
    const late = setTimeout(() => response.destroy(), withinMs);
    const settle = () => {
      clearTimeout(late);
      response.off('drain', settle).off('close', settle);
      resolve();
    };
    response.on('drain', settle).on('close', settle);
    if (response.destroyed) settle();
  });
}
