import type { MentionNote, MentionNotes } from '../../../chat/mention-notes.ts';
import { type Outcome, succeed } from '../../../protocol/codes.ts';
import type { RedisCommands } from '../connection/commands.ts';
import type { RedisKeys } from '../keys.ts';
import type { Script } from '../scripts.ts';

export interface RedisMentionNotesDeps {
  readonly redis: RedisCommands;
  /** mention-note.lua */
  readonly script: Script;
  readonly keys: RedisKeys;
}

type Note = Omit<MentionNote, 'at'>;

/** One key for the whole cluster, so that every worker finds what another one left. */
export function createRedisMentionNotes({ redis, script, keys }: RedisMentionNotesDeps): MentionNotes {
  const done = (outcome: Outcome<unknown>) => (outcome.ok ? succeed(undefined) : outcome);
  return {
    add: async (note) =>
      done(await redis.evaluate<number>(script, [keys.mentions], [mentionMember(note), '', ''])),
    remove: async (note) => done(await redis.call(['ZREM', keys.mentions, mentionMember(note)])),
    async due(ageMs, limit) {
      const args = ['', String(ageMs), String(limit)];
      const found = await redis.evaluate<string[]>(script, [keys.mentions], args);
      if (!found.ok) return found;
      const listed: MentionNote[] = [];
      for (let index = 0; index < found.value.length; index += 2) {
        const [nsp, roomid, id, by] = JSON.parse(found.value[index] ?? '[]') as string[];
        const at = Number(found.value[index + 1]);
        listed.push({ nsp: nsp ?? '', roomid: roomid ?? '', id: id ?? '', by: by ?? '', at });
      }
      return succeed(listed);
    },
  };
}

function mentionMember({ nsp, roomid, id, by }: Note): string {
  return JSON.stringify([nsp, roomid, id, by]);
}
