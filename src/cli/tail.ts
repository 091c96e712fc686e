import { type ApiAccess, type ApiSettings, findApi } from './api-access.ts';
import type { SentEvent } from './event-source.ts';
import type { Printer } from './nginx.ts';
import { EXIT, notAddress, notWhole, readOptions } from './options.ts';
import { keyHeader, reasonOf, roomUrl, TailRefused, tailRoom } from './room-tail.ts';
import { lineOf } from './tail-lines.ts';

const MAX_LAST = 200;
/** The limit if no rooms are named: as many streams as one terminal can follow. */
const MAX_ROOMS = 100;
const CHECK_MS = 2_000;

export interface TailDeps {
  readonly settings: ApiSettings;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  readonly print: Printer;
}

/** Prints the messages of rooms until it is stopped. */
export async function runTail(args: readonly string[], deps: TailDeps): Promise<number> {
  const { print, signal } = deps;
  const given = readOptions(COMMAND, args, print, (options) => [
    ...notWhole(options, 'last', 0, MAX_LAST),
    ...notWhole(options, 'count', 1, Number.MAX_SAFE_INTEGER),
    ...notAddress(options, 'url'),
  ]);
  if (typeof given === 'number') return given;
  const { values, words } = given;
  const text = (name: string) => values[name] as string | undefined;
  const api = await findApi(deps.settings, { url: text('url'), key: text('key') });
  const count = Number(values.count ?? Number.POSITIVE_INFINITY);

  const done = new AbortController();
  const ended = AbortSignal.any([signal, done.signal]);
  const followed = new Map<string, Promise<void>>();
  /** The start by the server's clock. */
  let startedAt = 0;
  let printed = 0;
  let failure: string | undefined;

  function show(roomid: string, event: SentEvent): void {
    if (printed >= count) return;
    print.out(`${values.json ? jsonOf(event) : lineOf(roomid, event)}\n`);
    printed += 1;
    if (printed >= count) done.abort();
  }

  function fail(error: unknown): void {
    failure ??= error instanceof TailRefused ? error.message : 'the server does not answer';
    done.abort();
  }

  async function follow(roomid: string, last: number, since: number): Promise<void> {
    const after = last > 0 ? await showLast(roomid, last, since) : undefined;
    await tailRoom({
      api,
      nsp: text('ns'),
      roomid,
      after,
      onEvent: show,
      onLost: (room, reason) => print.err(`roomcast tail: ${room}: ${reason}, trying again\n`),
      signal: ended,
    });
  }

  /** Returns the id that the stream continues after. */
  async function showLast(roomid: string, last: number, since: number): Promise<string | undefined> {
    const page = await askPage(api, roomid, last, text('ns'), ended);
    for (const message of page.messages)
      if (message.at >= since) show(roomid, { name: 'message', data: JSON.stringify(message) });
    return page.epoch === undefined ? undefined : `${page.epoch}:${page.top}`;
  }

  function start(roomid: string, last: number, since = 0): void {
    if (followed.has(roomid) || followed.size >= Math.max(MAX_ROOMS, words.length)) return;
    followed.set(roomid, follow(roomid, last, since).catch(fail));
  }

  /** Starts every room that somebody is in. One that is new since the last look begins with what was said since the start. */
  async function check(isFirst: boolean): Promise<void> {
    const { rooms, at } = await askRooms(api, text('ns'), ended);
    if (isFirst) startedAt = at;
    for (const roomid of rooms)
      if (isFirst) start(roomid, Number(values.last ?? 0));
      else start(roomid, MAX_LAST, startedAt);
  }

  for (const roomid of words) start(roomid, Number(values.last ?? 0));
  if (words.length === 0) await check(true).catch(fail);
  const checking =
    words.length === 0 ? setInterval(() => void check(false).catch(() => undefined), CHECK_MS) : undefined;
  if (!ended.aborted)
    await new Promise((resolve) => ended.addEventListener('abort', resolve, { once: true }));
  clearInterval(checking);
  await Promise.all(followed.values());
  if (failure === undefined) return EXIT.ok;
  print.err(`roomcast tail: ${failure}\n`);
  return EXIT.failed;
}

interface Page {
  readonly epoch?: string;
  readonly top: number;
  readonly messages: readonly { readonly at: number }[];
}

async function ask<T>(
  api: ApiAccess,
  url: string,
  signal: AbortSignal,
): Promise<T & { readonly at: number }> {
  const response = await fetch(url, { headers: keyHeader(api), signal });
  if (!response.ok) throw new TailRefused(await reasonOf(response));
  return { ...((await response.json()) as T), at: Date.parse(response.headers.get('date') ?? '') || 0 };
}

function askPage(api: ApiAccess, roomid: string, limit: number, ns: string | undefined, signal: AbortSignal) {
  return ask<Page>(api, roomUrl(api, roomid, 'messages', { ns, limit: String(limit) }), signal);
}

async function askRooms(api: ApiAccess, ns: string | undefined, signal: AbortSignal) {
  const query = new URLSearchParams({ limit: String(MAX_ROOMS), ...(ns === undefined ? {} : { ns }) });
  const { rooms, at } = await ask<{ rooms: readonly { readonly roomid: string }[] }>(
    api,
    `${api.url}/api/v1/rooms?${query}`,
    signal,
  );
  return { rooms: rooms.map(({ roomid }) => roomid), at };
}

function jsonOf({ name, data }: SentEvent): string {
  return name === 'gap' ? JSON.stringify({ event: 'gap', ...JSON.parse(data) }) : data;
}

const HELP = `Usage: roomcast tail [ROOM...] [options]

Prints what is said in rooms as it is said, each message once and in order, also over a reload or a crash of
a worker. Without ROOM: in all rooms that somebody is in (up to ${MAX_ROOMS}), new ones too.

  --last N     begin with the newest N messages of each room, up to ${MAX_LAST} [0]
  --count N    end after N lines
  --json       one JSON object per line, as the event stream sends it
  --url URL    the server [this machine's, by HOST, PORT and BASE_PORT]
  --key KEY    the key of the HTTP API [the first of API_KEYS, else the one in DATA_DIR/api-key]
               (a user's token reads the ROOMs that are named)
  --ns NS      the namespace [/]

Example:
  roomcast tail lobby --last 10

Exit code: 0 ended by Ctrl-C or --count, 1 the server refuses, 2 wrong arguments.
`;

const COMMAND = {
  name: 'tail',
  help: HELP,
  options: { last: 'string', count: 'string', json: 'boolean', url: 'string', key: 'string', ns: 'string' },
} as const;
