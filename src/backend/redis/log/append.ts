import { refuseBlocked } from '../../../chat/blocks.ts';
import { dedupeHash } from '../../../chat/dedupe.ts';
import type { Amendment, Appended, Draft, RoomLogs } from '../../../chat/log-store.ts';
import { refuseRestricted } from '../../../chat/moderation.ts';
import { refuseNewLogs } from '../../../chat/nearly-full.ts';
import type { Room } from '../../../chat/room.ts';
import { refuseUnopened, UNOPENED_BYTES, UNOPENED_ITEMS } from '../../../chat/unopened-inbox.ts';
import type { Outcome, Refusal } from '../../../protocol/codes.ts';
import { succeed } from '../../../protocol/codes.ts';
import { refuseReusedId } from '../../reused-id.ts';
import { frameAfter, frameBefore } from '../bus/frame.ts';
import type { FrameSigner } from '../bus/frame-signer.ts';
import type { RedisCommands, RedisServer } from '../connection/commands.ts';
import type { RedisKeys } from '../keys.ts';
import type { Retention, UnopenedRetention } from '../retention.ts';
import type { Scripts } from '../scripts.ts';
import type { EpochArgs } from './epochs.ts';

export interface RedisAppendDeps {
  readonly redis: RedisCommands;
  readonly scripts: Pick<Scripts, 'append' | 'replace'>;
  readonly keys: RedisKeys;
  readonly signer: Pick<FrameSigner, 'scriptArg'>;
  readonly epochArgs: EpochArgs;
  readonly retention: (room: Room) => Retention;
  readonly unopened: UnopenedRetention;
  readonly dedupeTtlS: number;
  /** Succeeds once enough replicas have what the key's server answered before; absent if none need to. */
  readonly replicated?: (key: string, server: RedisServer) => Promise<Outcome<void>>;
}

/**
 * The expected and the new position of an inbox's marker of announcements, as text; `was` is '' if there is none yet.
 */
export interface AnnouncementMarkerMove {
  readonly was: string;
  readonly becomes: string;
}

export interface RedisAppend extends Pick<RoomLogs, 'append' | 'replace' | 'amend'> {
  /** Appends and moves the marker atomically. Returns false and stores nothing if the marker is not where it must stand. */
  appendAnnouncement(inbox: Room, draft: Draft, move: AnnouncementMarkerMove): Promise<Outcome<boolean>>;
}

/** The answer of append.lua, whose header lists the outcomes; 0 is stored. `at` of BANNED and MUTED: the ms left, 0 for no end. */
type AppendReply = [epoch: string, seq: number, id: string, at: number, outcome: number];

const KNOWN = 1;
const MARKER_ELSEWHERE = 2;
const BANNED = 3;
const MUTED = 4;
const OTHER_CONTENT = 5;
const NOT_FOUND = 6;
const NO_NOTICE_DUE = 7;
const UNOPENED_AND_FULL = 8;
const NEARLY_FULL = 9;
const STORED_NOTHING = new Set([
  MARKER_ELSEWHERE,
  BANNED,
  MUTED,
  OTHER_CONTENT,
  NOT_FOUND,
  UNOPENED_AND_FULL,
  NEARLY_FULL,
]);
const NO_MARKER_MOVE: AnnouncementMarkerMove = { was: '', becomes: '' };
const NO_NOTICE: Draft = { id: '', members: '' };

/** An amendment. Without `was` it applies to the entry in any form, and not only in the one that the caller read. */
type Replacement = Omit<Amendment, 'was'> & { readonly was?: string };

/** Writes to logs. The atomic parts are in append.lua and replace.lua. */
export function createRedisAppend(deps: RedisAppendDeps): RedisAppend {
  const { redis, scripts, keys, signer, epochArgs, retention, replicated } = deps;
  const dedupeTtlMs = String(deps.dedupeTtlS * 1_000);
  const { logTtlMs: unopenedLogMs, metaTtlMs: unopenedMetaMs } = deps.unopened;
  const unopenedBounds = [UNOPENED_ITEMS, UNOPENED_BYTES, unopenedLogMs, unopenedMetaMs].map(String);

  /** The key of the users who may not append. */
  const refusedUsers = (room: Room) => (room.kind === 'inbox' ? keys.blocked(room) : keys.restrictions(room));

  async function run(
    room: Room,
    draft: Draft,
    move: AnnouncementMarkerMove,
    replacing: Replacement | undefined,
  ): Promise<Outcome<AppendReply>> {
    let server: RedisServer | undefined;
    const reply = await redis.evaluate<AppendReply>(
      replacing ? scripts.replace : scripts.append,
      [
        ...keys.log(room),
        ...keys.ids(room),
        refusedUsers(room),
        ...keys.unread(room),
        keys.beside(room),
        keys.roomSubscriptions(room)[0],
        keys.connections(room),
      ],
      (answering) => {
        server = answering;
        return scriptArgs(room, draft, move, replacing, answering);
      },
    );
    if (!replicated || !server || !reply.ok || STORED_NOTHING.has(reply.value[4])) return reply;
    // A known message may not be on the replicas yet: its first ack may have been refused for that.
    const acked = await replicated(keys.channel(room), server);
    return acked.ok ? reply : acked;
  }

  /** ARGV in the order of the header of append.lua; replace.lua takes the last ones but one. Change the files together. */
  function scriptArgs(
    room: Room,
    draft: Draft,
    move: AnnouncementMarkerMove,
    replacing: Replacement | undefined,
    server: RedisServer,
  ): string[] {
    const { entries, logTtlMs } = retention(room);
    return [
      ...epochArgs(room, server),
      String(entries),
      String(logTtlMs),
      dedupeTtlMs,
      draft.dedupe ? dedupeHash(draft.dedupe) : '',
      draft.id,
      draft.members,
      draft.except ?? '',
      keys.channel(room),
      frameBefore,
      frameAfter(room, draft.except),
      move.was,
      move.becomes,
      draft.author ?? '',
      draft.dedupe?.content ?? '',
      draft.reader ?? '',
      // An entry that only tells of a change does not count as unread.
      replacing && replacing.counted !== 'both' ? '1' : '',
      // The writer into an inbox, see unopened.lua.
      room.kind !== 'inbox' ? '' : draft.bounded ? 'person' : 'other',
      ...unopenedBounds,
      server.isNearlyFull?.() && isOfPerson(room, draft) ? '1' : '',
      ...(replacing ? replacementArgs(replacing) : []),
      signer.scriptArg(keys.channel(room)),
    ];
  }

  /** Returns undefined and stores nothing if the marker, or the entry to amend, is not as it must be. */
  async function store(
    room: Room,
    draft: Draft,
    move: AnnouncementMarkerMove,
    replacing?: Replacement,
  ): Promise<Outcome<Appended | undefined>> {
    const reply = await run(room, draft, move, replacing);
    if (!reply.ok) return reply;
    const [epoch, seq, id, at, outcome] = reply.value;
    const refusal = refusalOf(room, outcome, at);
    if (refusal) return refusal;
    return succeed(STORED_NOTHING.has(outcome) ? undefined : { epoch, seq, id, at, dup: outcome === KNOWN });
  }

  return {
    // No marker moves here, so none can stand elsewhere.
    append: (room, draft) => store(room, draft, NO_MARKER_MOVE) as Promise<Outcome<Appended>>,
    async appendAnnouncement(inbox, draft, move) {
      const stored = await store(inbox, draft, move);
      return stored.ok ? succeed(stored.value !== undefined) : stored;
    },
    async replace(room, seq, members, notice = NO_NOTICE) {
      const reply = await run(room, notice, NO_MARKER_MOVE, { seq, members });
      if (!reply.ok) return reply;
      const [epoch, noticeSeq, id, at, outcome] = reply.value;
      const refusal = refusalOf(room, outcome, at);
      if (refusal) return refusal;
      if (outcome === NOT_FOUND) return succeed(undefined);
      if (outcome === NO_NOTICE_DUE) return succeed({});
      return succeed({ notice: { epoch, seq: noticeSeq, id, at, dup: outcome === KNOWN } });
    },
    amend: (room, amendment, notice) => store(room, notice, NO_MARKER_MOVE, amendment),
  };
}

/** Returns the refusal that the outcome stands for. A restriction has the ms it has left in place of a time, 0 for no end. */
function refusalOf(room: Room, outcome: number, leftMs: number): Refusal | undefined {
  if (outcome === BANNED) return room.kind === 'inbox' ? refuseBlocked() : refuseRestricted('ban', leftMs);
  if (outcome === MUTED) return refuseRestricted('mute', leftMs);
  if (outcome === OTHER_CONTENT) return refuseReusedId();
  if (outcome === UNOPENED_AND_FULL) return refuseUnopened(room);
  return outcome === NEARLY_FULL ? refuseNewLogs() : undefined;
}

/** Returns false for a back end: a nearly full server still lets it begin logs. */
function isOfPerson(room: Room, { author, bounded }: Draft): boolean {
  return room.kind === 'inbox' ? bounded === true : author !== undefined;
}

/** The last arguments of replace.lua before the signer's, in the order of its header. */
function replacementArgs({
  seq,
  members = '',
  beside,
  was = '',
  stamp,
  counted,
  superseded,
}: Replacement): string[] {
  const emptied = superseded ? [String(superseded.seq), superseded.members] : ['', ''];
  const besides = beside === undefined ? ['', ''] : ['1', beside];
  return [String(seq), members, ...besides, was, stamp ?? '', counted === undefined ? '1' : '', ...emptied];
}
