import { dedupeHash } from '../../../chat/dedupe.ts';
import {
  type KnownMessage,
  type LogPage,
  type LogQuery,
  type LogTop,
  NO_EPOCH,
  type PreviousEpoch,
  type RoomLogs,
} from '../../../chat/log-store.ts';
import type { Room } from '../../../chat/room.ts';
import type { Outcome } from '../../../protocol/codes.ts';
import { succeed } from '../../../protocol/codes.ts';
import { isOtherContent, refuseReusedId } from '../../reused-id.ts';
import { parseStored } from '../bus/frame.ts';
import type { RedisCommands } from '../connection/commands.ts';
import type { RedisKeys } from '../keys.ts';
import { allValues } from '../outcomes.ts';
import type { Scripts } from '../scripts.ts';
import type { RedisAppend } from './append.ts';
import type { EpochArgs } from './epochs.ts';
import { countUnread } from './unread.ts';

export interface RedisLogsDeps {
  readonly redis: RedisCommands;
  readonly scripts: Pick<Scripts, 'read'>;
  readonly keys: RedisKeys;
  readonly epochArgs: EpochArgs;
  readonly writes: Pick<RedisAppend, 'append' | 'replace' | 'amend'>;
}

type ReadReply = [
  epoch: string,
  top: number,
  previousEpochs: string,
  first: number,
  more: number,
  /** Three for each entry. */
  fields: string[],
  hasMarks: number,
];

/** Logs as Redis streams. The atomic parts are in append.lua, read.lua and replace.lua. */
export function createRedisLogs(deps: RedisLogsDeps): RoomLogs {
  const { redis, scripts, keys, epochArgs, writes } = deps;

  async function read(room: Room, query: LogQuery): Promise<Outcome<LogPage>> {
    const forward = query.after !== undefined;
    const edge = query.after ?? query.before;
    const direction = forward ? 'after' : edge === undefined ? 'latest' : 'before';
    const outcome = await redis.evaluate<ReadReply>(
      scripts.read,
      [...keys.log(room), keys.beside(room)],
      (server) => [
        ...epochArgs(room, server),
        direction,
        String(edge ?? 0),
        String(query.limit),
        String(query.maxBytes),
        room.kind === 'room' ? '' : NO_EPOCH,
      ],
    );
    if (!outcome.ok) return outcome;
    const [name, top, previousEpochs, first, more, fields, hasMarks] = outcome.value;
    const entries = [];
    for (let index = 0; index < fields.length; index += 3) {
      const entry = parseStored(fields[index] ?? '', fields[index + 1] ?? '');
      entries.push(fields[index + 2] === '' ? entry : { ...entry, hasBeside: true as const });
    }
    if (!forward) entries.reverse();
    return succeed({
      epoch: name,
      top,
      previousEpochs: parsePreviousEpochs(previousEpochs),
      entries,
      more: more === 1,
      first,
      ...(hasMarks === 1 && { hasMarks: true as const }),
    });
  }

  async function tops(rooms: readonly Room[]): Promise<Outcome<readonly (LogTop | undefined)[]>> {
    // One turn of the event loop, so that node-redis pipelines them into one write.
    const found = await Promise.all(
      rooms.map((room) => redis.call<(string | null)[]>(['HMGET', keys.log(room)[1], 'epoch', 'top'])),
    );
    const [first] = found;
    if (first && !first.ok && found.every(({ ok }) => !ok)) return first;
    return succeed(
      found.map((one) => {
        if (!one.ok) return undefined;
        const [epoch, top] = one.value;
        return { epoch: epoch ?? undefined, top: Number(top ?? 0) };
      }),
    );
  }

  return {
    append: writes.append,
    read,
    replace: writes.replace,
    amend: writes.amend,
    tops,
    unread: (asked) => countUnread({ redis, keys }, asked),
    async known(room, key) {
      const field = dedupeHash(key);
      const found = await allValues(
        keys.ids(room).map((ids) => redis.call<string | null>(['HGET', ids, field])),
      );
      if (!found.ok) return found;
      const [known, digest] = parseKnown(found.value[0] ?? found.value[1] ?? '');
      return isOtherContent(digest, key) ? refuseReusedId() : succeed(known);
    },
  };
}

/** `epoch seq at id digest`, as append.lua writes it. */
function parseKnown(answer: string): [known?: KnownMessage, digest?: string | undefined] {
  const [, epoch, seq, at, id, digest] = /^(\S+) (\d+) (\d+) (\S+)(?: (\S+))?$/.exec(answer) ?? [];
  if (epoch === undefined || id === undefined) return [];
  return [{ epoch, seq: Number(seq), id, at: Number(at) }, digest];
}

/** `epoch:upTo epoch:upTo`, as epoch.lua keeps them. */
function parsePreviousEpochs(previousEpochs: string): PreviousEpoch[] {
  if (previousEpochs === '') return [];
  return previousEpochs.split(' ').map((one) => {
    const [epoch = '', upTo = ''] = one.split(':');
    return { epoch, upTo: Number(upTo) };
  });
}
