import type { Logger } from 'pino';
import { batchesOf } from '../../chat/batches.ts';
import { type ActiveRestriction, type Moderation, refuseRestricted } from '../../chat/moderation.ts';
import { inboxOf, type Room, roomOf } from '../../chat/room.ts';
import { type Outcome, type Refusal, refuse, succeed } from '../../protocol/codes.ts';
import type { Removed } from '../../protocol/rooms.ts';
import { runDespiteLimit } from '../event-queue.ts';
import type { Membership, Session } from '../session.ts';
import type { ChatNamespace } from '../socket-types.ts';
import type { Logins } from '../users/logins.ts';
import type { ConnectionBans } from './connection-bans.ts';
import type { ConnectionMutes } from './connection-mutes.ts';
import { createWorkerCommands } from './worker-commands.ts';

export interface EnforcementDeps {
  readonly namespaces: readonly ChatNamespace[];
  readonly logins: Pick<Logins, 'sessionsOf' | 'sessions'>;
  readonly moderation: Pick<Moderation, 'restrictions'>;
  readonly connectionBans: Pick<ConnectionBans, 'note' | 'noteAddress'>;
  readonly connectionMutes: ConnectionMutes;
  /** Ends the `textmsg` of a room that the connection has not joined. */
  readonly banFromTextmsg: (session: Session, roomid: string) => void;
  /** Ends what the user's tokens read of the room over HTTP. */
  readonly endStreams: (room: Room, userId: string) => void;
  /** Leaves the room as if the user had asked for it. */
  readonly leave: (session: Session, roomid: string, membership: Membership) => Promise<void>;
  readonly degraded: () => boolean;
  readonly now: () => number;
  readonly log: Logger;
}

/**
 * Applies an operator's decision to the connections it concerns, on all workers of all hosts. A worker that misses the
 * command is safe: the store refuses what a banned or muted user does next.
 */
export interface Enforcement {
  /** Removes the user's connections from the room without closing them. Resolves as `CommandWorkers` does. */
  remove(room: Room, userId: string, why: Pick<Removed, 'code' | 'until'>): Promise<Outcome<void>>;
  /** Sends `muted` to the user's connections in the room. */
  mute(room: Room, userId: string, restricted: ActiveRestriction): Promise<void>;
  /** The store refused the user: if the user is banned and still in the room here, removes them. */
  onRefused(room: Room, userId: string): void;
  /** Returns the refusal of a banned user, and removes the user if they are still in the room here. */
  banOf(room: Room, userId: string): Promise<Refusal | undefined>;
  /**
   * Checks every member on this worker. A command sent while this worker was cut off never arrived: without the check a
   * banned user would keep getting the room's messages until they send something.
   */
  review(): Promise<void>;
  /** Returns the refusal of a banned or muted user. */
  refusalOf(room: Room, userId: string): Promise<Refusal | undefined>;
  /** Undefined if no mute is recorded for the session's connection; else the refusal, if it is still in force. */
  connectionRefusal(session: Session, room: Room): Promise<Refusal | undefined> | undefined;
}

/** A command from one worker to all. */
type WorkerCommand = { readonly roomid: string; readonly userId: string; readonly until?: number } & (
  | { readonly does: 'remove'; readonly code: Removed['code'] }
  | { readonly does: 'mute' }
  /** Extends a ban to new guests from the address. */
  | { readonly does: 'bar'; readonly address: string }
);

const RETRY_MS = 1_000;
/** Bounds the queries in one write. */
const REVIEW_BATCH = 200;

export function createEnforcement(deps: EnforcementDeps): Enforcement {
  const { namespaces, logins, moderation, connectionBans, connectionMutes, leave, degraded, now, log } = deps;
  const commandWorkers = createWorkerCommands<WorkerCommand>({
    namespaces,
    event: 'moderation',
    carryOut: ({ name }, command) => applyHere(name, command),
    log,
  });

  async function apply(session: Session, command: WorkerCommand): Promise<void> {
    const { roomid, userId, until } = command;
    if (session.user.id !== userId) return;
    if (command.does === 'remove' && command.code === 'banned') {
      deps.banFromTextmsg(session, roomid);
      extendBan(session, roomid);
    }
    if (command.does === 'mute') connectionMutes.note(session, roomOf(session.socket.nsp.name, roomid));
    const membership = session.memberships.get(roomid);
    if (!membership) return;
    const ends = until === undefined ? {} : { until };
    if (command.does !== 'remove') {
      membership.mutedAt = performance.now();
      session.socket.emit('muted', { roomid, ...ends });
      return;
    }
    await leave(session, roomid, membership);
    session.socket.emit('removed', { roomid, code: command.code, ...ends });
  }

  /** Extends the ban to the next user of the connection and to new guests from its address, on all workers. */
  function extendBan(session: Session, roomid: string): void {
    const nsp = session.socket.nsp.name;
    const { id: userId } = session.user;
    const address = connectionBans.note(session, roomOf(nsp, roomid));
    if (address !== undefined && !degraded())
      void commandWorkers(nsp, { does: 'bar', roomid, userId, address });
  }

  async function applyHere(nsp: string, command: WorkerCommand): Promise<unknown> {
    if (command.does === 'bar') {
      connectionBans.noteAddress(command.address, roomOf(nsp, command.roomid), command.userId);
      return undefined;
    }
    if (command.does === 'remove') deps.endStreams(roomOf(nsp, command.roomid), command.userId);
    const sessions = logins.sessionsOf(inboxOf(nsp, command.userId));
    // The command waits for the connection's turn: a join admitted just before must not survive it.
    return Promise.all(
      sessions.map((session) => runDespiteLimit(session.queue, () => apply(session, command))),
    );
  }

  async function banOf(room: Room, userId: string): Promise<Refusal | undefined> {
    const found = await moderation.restrictions(room, userId);
    // If the store is away it refuses the next step as well.
    const { ban, mute } = found.ok ? found.value : {};
    if (mute) recordMute(room, userId);
    if (!ban) return undefined;
    const command = { does: 'remove', roomid: room.roomid, userId, code: 'banned', ...ban } as const;
    // The result is not awaited: the caller may hold the connection's turn.
    applyHere(room.nsp, command).catch((error: unknown) =>
      log.error({ err: error }, 'a banned user could not be removed from a room'),
    );
    return refuseRestricted('ban', leftMs(ban));
  }

  /** Records an earlier mute, whose command did not reach the worker where the user is now. */
  function recordMute(room: Room, userId: string): void {
    for (const session of logins.sessionsOf(inboxOf(room.nsp, userId))) {
      if (session.user.id === userId) connectionMutes.note(session, room);
    }
  }

  async function refusalOf(room: Room, userId: string): Promise<Refusal | undefined> {
    const found = await moderation.restrictions(room, userId);
    if (!found.ok) return found;
    const { ban, mute } = found.value;
    if (mute) recordMute(room, userId);
    const restriction = ban ?? mute;
    if (!restriction) return undefined;
    return refuseRestricted(ban ? 'ban' : 'mute', leftMs(restriction));
  }

  async function firstRefusal(
    session: Session,
    room: Room,
    userIds: readonly string[],
  ): Promise<Refusal | undefined> {
    for (const userId of userIds) {
      const refusal = await refusalOf(room, userId);
      if (refusal) return refusal;
      connectionMutes.forget(session, room, userId);
    }
    return undefined;
  }

  function leftMs({ until }: ActiveRestriction): number | undefined {
    return until === undefined ? undefined : Math.max(1, until - now());
  }

  return {
    async remove({ nsp, roomid }, userId, { code, until }) {
      // A command that cannot reach the other workers now is not sent later.
      if (degraded()) return refuse('unavailable', 'the store is away', RETRY_MS);
      await commandWorkers(nsp, {
        does: 'remove',
        roomid,
        userId,
        code,
        ...(until === undefined ? {} : { until }),
      });
      return succeed(undefined);
    },
    async mute({ nsp, roomid }, userId, { until }) {
      await commandWorkers(nsp, { does: 'mute', roomid, userId, ...(until === undefined ? {} : { until }) });
    },
    onRefused(room, userId) {
      void banOf(room, userId);
    },
    banOf,
    async review() {
      const members = [...logins.sessions()].flatMap((session) =>
        [...session.memberships.values()].map(({ room }) => ({ room, userId: session.user.id })),
      );
      for (const batch of batchesOf(members, REVIEW_BATCH)) {
        if (degraded()) return;
        await Promise.all(batch.map(({ room, userId }) => banOf(room, userId)));
      }
    },
    refusalOf,
    connectionRefusal(session, room) {
      const users = connectionMutes.of(session, room);
      return users && firstRefusal(session, room, users);
    },
  };
}
