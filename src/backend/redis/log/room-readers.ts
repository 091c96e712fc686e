import type { Room } from '../../../chat/room.ts';
import type { RoomReaders } from '../../../chat/room-readers.ts';
import { succeed } from '../../../protocol/codes.ts';
import type { RedisCommands } from '../connection/commands.ts';
import type { RedisKeys } from '../keys.ts';
import type { Retention } from '../retention.ts';
import type { Script } from '../scripts.ts';

export interface RedisRoomReadersDeps {
  readonly redis: Pick<RedisCommands, 'call' | 'evaluate'>;
  /** reader-raise.lua */
  readonly script: Script;
  readonly keys: Pick<RedisKeys, 'log' | 'unread'>;
  readonly retention: (room: Room) => Retention;
}

/** The marks share the sorted set with the readers' own newest messages, which unread.ts looks at. */
export function createRedisRoomReaders({
  redis,
  script,
  keys,
  retention,
}: RedisRoomReadersDeps): RoomReaders {
  return {
    async raise(room, reader, seq) {
      const { entries, metaTtlMs } = retention(room);
      const [, meta] = keys.log(room);
      const [readers] = keys.unread(room);
      const raised = await redis.evaluate(
        script,
        [meta, readers],
        [reader, String(seq), String(entries), String(metaTtlMs)],
      );
      return raised.ok ? succeed(undefined) : raised;
    },
    async marks(room, asked) {
      if (asked.length === 0) return succeed([]);
      const [readers] = keys.unread(room);
      const found = await redis.call<(string | null)[]>(['ZMSCORE', readers, ...asked]);
      return found.ok ? succeed(found.value.map((seq) => (seq === null ? undefined : Number(seq)))) : found;
    },
    count: (room, seq) => redis.call<number>(['ZCOUNT', keys.unread(room)[0], String(seq), '+inf']),
  };
}
