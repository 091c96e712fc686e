import {
  type Appended,
  type Draft,
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
import { parseStored } from '../bus/frame.ts';
import { away } from '../connection/failures.ts';
import type { RedisConnection } from '../connection/redis-connection.ts';
import type { RedisKeys } from '../keys.ts';
import type { Scripts } from '../scripts.ts';
import type { RedisAppend } from './append.ts';
import type { EpochArgs } from './epochs.ts';
import { countUnread } from './unread.ts';

export interface RedisLogsDeps {
  readonly redis: RedisConnection;
  readonly scripts: Pick<Scripts, 'read'>;
  readonly keys: RedisKeys;
  readonly epochArgs: EpochArgs;
  readonly writes: RedisAppend;
}

type ReadReply = [
  epoch: string,
  top: number,
  previousEpochs: string,
  first: number,
  more: number,
  messagesAndExcepts: string[],
];

/** Logs as Redis streams; all that has to be atomic is in append.lua, read.lua and replace.lua. */
export function createRedisLogs(deps: RedisLogsDeps): RoomLogs {
  const { redis, scripts, keys, epochArgs, writes } = deps;

  async function append(room: Room, draft: Draft): Promise<Outcome<Appended>> {
    const appended = await writes.append(room, draft);
    if (!appended.ok) return appended;
    if (!appended.value) throw new Error('only a fold is left unstored');
    return succeed(appended.value);
  }

  async function read(room: Room, query: LogQuery): Promise<Outcome<LogPage>> {
    const epoch = epochArgs(room);
    if (!epoch) return away();
    const forward = query.after !== undefined;
    const edge = query.after ?? query.before;
    const direction = forward ? 'after' : edge === undefined ? 'latest' : 'before';
    const outcome = await redis.evaluate<ReadReply>(scripts.read, keys.log(room), [
      ...epoch,
      direction,
      String(edge ?? 0),
      String(query.limit),
      String(query.maxBytes),
      room.kind === 'room' ? '' : NO_EPOCH,
    ]);
    if (!outcome.ok) return outcome;
    const [name, top, previousEpochs, first, more, fields] = outcome.value;
    const entries = [];
    for (let index = 0; index < fields.length; index += 2) {
      entries.push(parseStored(fields[index] ?? '', fields[index + 1] ?? ''));
    }
    if (!forward) entries.reverse();
    return succeed({
      epoch: name,
      top,
      previousEpochs: parsePreviousEpochs(previousEpochs),
      entries,
      more: more === 1,
      first,
    });
  }

  async function tops(rooms: readonly Room[]): Promise<Outcome<readonly LogTop[]>> {
    // One turn, one write: node-redis pipelines them.
    const answers = await Promise.all(
      rooms.map((room) => redis.call<(string | null)[]>(['HMGET', keys.log(room)[1], 'epoch', 'top'])),
    );
    const all: LogTop[] = [];
    for (const answer of answers) {
      if (!answer.ok) return answer;
      const [epoch, top] = answer.value;
      all.push({ ...(epoch ? { epoch } : {}), top: Number(top ?? 0) });
    }
    return succeed(all);
  }

  return {
    append,
    read,
    replace: writes.replace,
    tops,
    unread: (asked) => countUnread({ redis, keys }, asked),
  };
}

/** `epoch:upTo epoch:upTo`, as epoch.lua keeps them. */
function parsePreviousEpochs(previousEpochs: string): PreviousEpoch[] {
  if (previousEpochs === '') return [];
  return previousEpochs.split(' ').map((one) => {
    const [epoch = '', upTo = ''] = one.split(':');
    return { epoch, upTo: Number(upTo) };
  });
}
