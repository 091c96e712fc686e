import { createHash, randomBytes } from 'node:crypto';
import type { Room } from '../../chat/room.ts';
import type { Appended, Draft, EpochLink, LogPage, LogQuery, RoomLogs, Top } from '../../chat/store.ts';
import type { Outcome } from '../../protocol/codes.ts';
import { succeed } from '../../protocol/codes.ts';
import type { BackendOptions } from '../backend.ts';
import type { CommandLink } from './command-link.ts';
import { away } from './failure.ts';
import { frameAfter, frameBefore, parseStored } from './frame.ts';
import type { RedisKeys } from './keys.ts';
import type { Scripts } from './scripts.ts';

export interface RedisLogsDeps {
  readonly link: CommandLink;
  readonly scripts: Scripts;
  readonly keys: RedisKeys;
  readonly options: Pick<BackendOptions, 'historySize' | 'historyTtlS' | 'dedupeTtlS'>;
}

type AppendReply = [epoch: string, seq: number, id: string, at: number, dup: number];
type ReadReply = [
  epoch: string,
  top: number,
  links: string,
  first: number,
  more: number,
  messagesAndExcepts: string[],
];

const DAY_MS = 86_400_000;

/** Rooms as Redis streams; all that has to be atomic is in append.lua and read.lua. */
export function createRedisLogs(deps: RedisLogsDeps): RoomLogs {
  const { link, scripts, keys, options } = deps;
  const historyTtlMs = options.historyTtlS * 1_000;
  // Meta must outlive the log, or a room's old numbers would be taken for those of a new epoch.
  const metaTtlMs = String(2 * historyTtlMs + DAY_MS);

  /** The first arguments of both scripts, see epoch.lua. */
  function epochArgs(): [string, string, string] | undefined {
    const server = link.server();
    return server && [server.runId, randomBytes(9).toString('base64url'), metaTtlMs];
  }

  async function append(room: Room, draft: Draft): Promise<Outcome<Appended>> {
    const epoch = epochArgs();
    if (!epoch) return away();
    const outcome = await link.evaluate<AppendReply>(
      scripts.append,
      [...keys.log(room), ...keys.ids(room)],
      [
        ...epoch,
        String(options.historySize),
        String(historyTtlMs),
        String(options.dedupeTtlS * 1_000),
        dedupeField(draft),
        draft.id,
        draft.members,
        draft.except ?? '',
        keys.channel(room),
        frameBefore,
        frameAfter(room, draft.except),
      ],
    );
    if (!outcome.ok) return outcome;
    const [name, seq, id, at, dup] = outcome.value;
    return succeed({ epoch: name, seq, id, at, dup: dup === 1 });
  }

  async function read(room: Room, query: LogQuery): Promise<Outcome<LogPage>> {
    const epoch = epochArgs();
    if (!epoch) return away();
    const forward = query.after !== undefined;
    const edge = query.after ?? query.before;
    const direction = forward ? 'after' : edge === undefined ? 'latest' : 'before';
    const outcome = await link.evaluate<ReadReply>(scripts.read, keys.log(room), [
      ...epoch,
      direction,
      String(edge ?? 0),
      String(query.limit),
      String(query.maxBytes),
    ]);
    if (!outcome.ok) return outcome;
    const [name, top, links, first, more, fields] = outcome.value;
    const entries = [];
    for (let index = 0; index < fields.length; index += 2) {
      entries.push(parseStored(fields[index] ?? '', fields[index + 1] ?? ''));
    }
    if (!forward) entries.reverse();
    return succeed({ epoch: name, top, links: parseLinks(links), entries, more: more === 1, first });
  }

  async function tops(rooms: readonly Room[]): Promise<Outcome<readonly Top[]>> {
    // One turn, one write: node-redis pipelines them.
    const answers = await Promise.all(
      rooms.map((room) => link.call<(string | null)[]>(['HMGET', keys.log(room)[1], 'epoch', 'top'])),
    );
    const all: Top[] = [];
    for (const answer of answers) {
      if (!answer.ok) return answer;
      const [epoch, top] = answer.value;
      all.push({ ...(epoch ? { epoch } : {}), top: Number(top ?? 0) });
    }
    return succeed(all);
  }

  return { append, read, tops };
}

/** Hashed to 16 characters: a busy room remembers a million of them. */
function dedupeField({ dedupe }: Draft): string {
  if (!dedupe) return '';
  const digest = createHash('sha256').update(`${dedupe.scope}\0${dedupe.clientMsgId}`).digest('base64url');
  return digest.slice(0, 16);
}

/** `epoch:upTo epoch:upTo`, as epoch.lua keeps them. */
function parseLinks(links: string): EpochLink[] {
  if (links === '') return [];
  return links.split(' ').map((link) => {
    const [epoch = '', upTo = ''] = link.split(':');
    return { epoch, upTo: Number(upTo) };
  });
}
