import { type ApiSettings, findApi } from './api-access.ts';
import type { SentEvent } from './event-source.ts';
import { createFollowedRooms } from './followed-rooms.ts';
import type { Printer } from './nginx.ts';
import { EXIT, notAddress, notWhole, readOptions } from './options.ts';
import { createRoomPages } from './room-pages.ts';
import { FIRST_RETRY_MS, TailRefused, tailRoom } from './room-tail.ts';
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
  /** The wait after the first failure, and between two looks for rooms; the defaults are for people. */
  readonly retryMs?: number;
  readonly checkMs?: number;
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
  const last = Number(values.last ?? 0);

  const done = new AbortController();
  const ended = AbortSignal.any([signal, done.signal]);
  const pages = createRoomPages(api, text('ns'), ended);
  let printed = 0;
  let hasAnswered = false;
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

  /** Returns the id that the stream continues after; '' for the newest event. */
  async function showLast(roomid: string): Promise<string> {
    if (last === 0) return '';
    const page = await pages.messages(roomid, last);
    for (const message of page.messages) show(roomid, { name: 'message', data: JSON.stringify(message) });
    return `${page.epoch}:${page.top}`;
  }

  const rooms = createFollowedRooms({
    maxRooms: words.length === 0 ? MAX_ROOMS : words.length,
    async follow(roomid, state, dropped) {
      await tailRoom({
        api,
        nsp: text('ns'),
        roomid,
        state,
        onEvent: show,
        onLost: (room, reason) => print.err(`roomcast tail: ${room}: ${reason}, trying again\n`),
        onOpen() {
          hasAnswered = true;
        },
        mayGiveUp: () => !hasAnswered,
        signal: AbortSignal.any([ended, dropped]),
      });
    },
    retryMs: deps.retryMs ?? FIRST_RETRY_MS,
    onFailed: fail,
    onFull: () =>
      print.err(`roomcast tail: more than ${MAX_ROOMS} rooms are busy; the others are not shown\n`),
  });

  if (words.length > 0) for (const roomid of words) rooms.start(roomid, () => showLast(roomid));
  else {
    const listed = await pages.rooms().catch(fail);
    const startedAt = listed?.at ?? 0;
    hasAnswered = true;
    for (const roomid of listed?.rooms ?? []) rooms.start(roomid, () => showLast(roomid));
    const check = async () => {
      rooms.keep(await pages.rooms(), (roomid) => pages.lastEventIdBefore(roomid, startedAt));
    };
    const checking = setInterval(() => void check().catch(() => undefined), deps.checkMs ?? CHECK_MS);
    ended.addEventListener('abort', () => clearInterval(checking), { once: true });
    if (ended.aborted) clearInterval(checking);
  }
  if (!ended.aborted)
    await new Promise((resolve) => ended.addEventListener('abort', resolve, { once: true }));
  await rooms.over();
  if (failure === undefined) return EXIT.ok;
  print.err(`roomcast tail: ${failure}\n`);
  return EXIT.failed;
}

function jsonOf({ name, data }: SentEvent): string {
  return name === 'gap' ? JSON.stringify({ event: 'gap', ...JSON.parse(data) }) : data;
}

const HELP = `Usage: roomcast tail [ROOM...] [options]

Prints what is said in rooms as it is said, each message once and in order, also over a reload or
a crash of a worker. Without ROOM: in all rooms that somebody is in (up to ${MAX_ROOMS} at a time), new
ones too, from the first message since it began.

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
