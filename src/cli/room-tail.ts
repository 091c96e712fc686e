import type { ApiAccess } from './api-access.ts';
import { createEventParser, type SentEvent, type StreamState } from './event-source.ts';

/** The server refused for good: another attempt gets the same answer. */
export class TailRefused extends Error {}

export interface RoomTailDeps {
  readonly api: ApiAccess;
  readonly nsp: string | undefined;
  readonly roomid: string;
  /** The id after which the stream continues; it rises with each event. */
  readonly state: StreamState;
  readonly onEvent: (roomid: string, event: SentEvent) => void;
  readonly onLost: (roomid: string, reason: string) => void;
  readonly onOpen: () => void;
  /** False once the server has answered: it comes back then. */
  readonly mayGiveUp: () => boolean;
  readonly signal: AbortSignal;
}

export const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 10_000;
/** An address that has not answered after so many tries is taken for a wrong one. */
const FIRST_TRIES = 5;
/** The longest wait for an answer to begin. */
export const ANSWER_MS = 10_000;
/** Three comments of the server are missing then. */
const SILENCE_MS = 45_000;

/** Follows a room until the signal; comes back by itself after the last event it has seen. */
export async function tailRoom(deps: RoomTailDeps): Promise<void> {
  const { roomid, state, onEvent, onLost, onOpen, mayGiveUp, signal } = deps;
  let failures = 0;
  while (!signal.aborted) {
    const reason = await readOnce(deps, {
      // A quiet room sends no event: its pauses would grow from one reload to the next.
      onOpen() {
        failures = 0;
        onOpen();
      },
      onEvent: (event) => onEvent(roomid, event),
    });
    if (signal.aborted) return;
    failures += 1;
    if (failures >= FIRST_TRIES && mayGiveUp()) throw new TailRefused(`${deps.api.url}: ${reason}`);
    onLost(roomid, reason);
    await pause(Math.min(MAX_RETRY_MS, state.retryMs * failures), signal);
  }
}

/** Reads the stream to its end; returns why it ended. */
async function readOnce(
  { api, nsp, roomid, state, signal }: RoomTailDeps,
  { onOpen, onEvent }: { readonly onOpen: () => void; readonly onEvent: (event: SentEvent) => void },
): Promise<string> {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), ANSWER_MS);
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), SILENCE_MS);
  };
  try {
    const response = await fetch(roomUrl(api, roomid, 'events', { ns: nsp }), {
      headers: {
        ...keyHeader(api),
        ...(state.lastEventId === '' ? {} : { 'Last-Event-ID': state.lastEventId }),
      },
      signal: AbortSignal.any([signal, silence.signal]),
    });
    heard();
    if (!response.ok || !response.body) {
      const reason = await reasonOf(response);
      if (response.status >= 400 && response.status < 500 && response.status !== 429)
        throw new TailRefused(reason);
      return reason;
    }
    onOpen();
    const parse = createEventParser(state, onEvent);
    for await (const text of response.body.pipeThrough(new TextDecoderStream())) {
      heard();
      parse(text);
    }
    return 'the server ended the stream';
  } catch (error) {
    if (error instanceof TailRefused) throw error;
    return silence.signal.aborted ? 'the server is silent' : 'the server does not answer';
  } finally {
    clearTimeout(timer);
  }
}

export function keyHeader({ key }: ApiAccess): Readonly<Record<string, string>> {
  return key === undefined ? {} : { Authorization: `Bearer ${key}` };
}

export function roomUrl(
  { url }: ApiAccess,
  roomid: string,
  part: string,
  query: Readonly<Record<string, string | undefined>> = {},
): string {
  const given = Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return `${url}/api/v1/rooms/${encodeURIComponent(roomid)}/${part}?${new URLSearchParams(given)}`;
}

/** Returns the server's reason for refusing a request. */
export async function reasonOf(response: Response): Promise<string> {
  const body = (await response.json().catch(() => undefined)) as { error?: { message?: string } } | undefined;
  return body?.error?.message ?? `the server answers ${response.status}`;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const arrive = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', arrive);
      resolve();
    };
    const timer = setTimeout(arrive, ms);
    signal.addEventListener('abort', arrive, { once: true });
  });
}
