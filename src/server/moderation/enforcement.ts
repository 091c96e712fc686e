import type { Logger } from 'pino';
import { batchesOf } from '../../chat/batches.ts';
import { type Moderation, type Restricted, refuseRestricted } from '../../chat/moderation.ts';
import { inboxOf, type Room, roomOf } from '../../chat/room.ts';
import { type Outcome, type Refusal, refuse, succeed } from '../../protocol/codes.ts';
import type { Removed } from '../../protocol/rooms.ts';
import { insist } from '../event-queue.ts';
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
  /** It hears nothing of the room any more, without having been in it. */
  readonly banFromTextmsg: (session: Session, roomid: string) => void;
  /** As when the user asked for it. */
  readonly leave: (session: Session, roomid: string, membership: Membership) => Promise<void>;
  readonly degraded: () => boolean;
  readonly now: () => number;
  readonly log: Logger;
}

/**
 * Brings what an operator decided to the connections it concerns, on all workers of all hosts. A worker that does
 * not hear of it is not lost: the store refuses what a banned or muted user does next.
 */
export interface Enforcement {
  /** Takes every connection of the user out of the room. The connections stay. Answers as `OrderWorkers` does. */
  remove(room: Room, userId: string, why: Pick<Removed, 'code' | 'until'>): Promise<Outcome<void>>;
  /** Tells those of the user's connections that are in the room. */
  mute(room: Room, userId: string, restricted: Restricted): Promise<void>;
  /** The store refused what the user said: whoever is banned is still in the room here and is put out. */
  onRefused(room: Room, userId: string): void;
  /** Why the user may not be there, if so; then they are put out, should they still be in the room here. */
  banOf(room: Room, userId: string): Promise<Refusal | undefined>;
  /**
   * Looks up every member on this worker. What was decided while this worker could not be told was told to nobody
   * here: whoever is banned would go on hearing the room until they do something.
   */
  review(): Promise<void>;
  /** Why the user may say nothing there, if so. */
  refusalOf(room: Room, userId: string): Promise<Refusal | undefined>;
  /** Undefined: nothing is noted. Else why nobody may say anything there over the session's connection, if so. */
  connectionRefusal(session: Session, room: Room): Promise<Refusal | undefined> | undefined;
}

/** What the workers tell one another. */
type WorkerCommand = { readonly roomid: string; readonly userId: string; readonly until?: number } & (
  | { readonly does: 'remove'; readonly code: Removed['code'] }
  | { readonly does: 'mute' }
  | { readonly does: 'bar'; readonly address: string }
);

const RETRY_MS = 1_000;
/** So many at a time, that a worker with many members does not ask for all in one write. */
const REVIEW_BATCH = 200;

export function createEnforcement(deps: EnforcementDeps): Enforcement {
  const { namespaces, logins, moderation, connectionBans, connectionMutes, leave, degraded, now, log } = deps;
  const orderAll = createWorkerCommands<WorkerCommand>({
    namespaces,
    event: 'moderation',
    carryOut: ({ name }, command) => followHere(name, command),
    log,
  });

  async function follow(session: Session, command: WorkerCommand): Promise<void> {
    const { roomid, userId, until } = command;
    if (session.user.id !== userId) return;
    if (command.does === 'remove' && command.code === 'banned') {
      deps.banFromTextmsg(session, roomid);
      carry(session, roomid);
    }
    if (command.does === 'mute') connectionMutes.note(session, roomOf(session.socket.nsp.name, roomid));
    const membership = session.memberships.get(roomid);
    if (!membership) return;
    const ends = until === undefined ? {} : { until };
    if (command.does !== 'remove') {
      session.socket.emit('muted', { roomid, ...ends });
      return;
    }
    await leave(session, roomid, membership);
    session.socket.emit('removed', { roomid, code: command.code, ...ends });
  }

  /** Whoever comes next over its connection, or as a guest from its address, to whichever worker. */
  function carry(session: Session, roomid: string): void {
    const nsp = session.socket.nsp.name;
    const { id: userId } = session.user;
    const address = connectionBans.note(session, roomOf(nsp, roomid));
    if (address !== undefined && !degraded()) void orderAll(nsp, { does: 'bar', roomid, userId, address });
  }

  async function followHere(nsp: string, command: WorkerCommand): Promise<unknown> {
    if (command.does === 'bar') {
      connectionBans.noteAddress(command.address, roomOf(nsp, command.roomid), command.userId);
      return undefined;
    }
    const sessions = logins.sessionsOf(inboxOf(nsp, command.userId));
    // After what the connection is doing: a join that was let in just before must not outlast it.
    return Promise.all(sessions.map((session) => insist(session.queue, () => follow(session, command))));
  }

  async function banOf(room: Room, userId: string): Promise<Refusal | undefined> {
    const found = await moderation.restrictions(room, userId);
    // A store that is away refuses what comes after this, too.
    const { ban, mute } = found.ok ? found.value : {};
    if (mute) carryMute(room, userId);
    if (!ban) return undefined;
    const command = { does: 'remove', roomid: room.roomid, userId, code: 'banned', ...ban } as const;
    // Not waited for: who asks may be what the connection is doing.
    followHere(room.nsp, command).catch((error: unknown) =>
      log.error({ err: error }, 'somebody banned could not be put out'),
    );
    return refuseRestricted('ban', leftMs(ban));
  }

  /** Of before, which was told to no worker where the user is now. */
  function carryMute(room: Room, userId: string): void {
    for (const session of logins.sessionsOf(inboxOf(room.nsp, userId))) {
      if (session.user.id === userId) connectionMutes.note(session, room);
    }
  }

  async function refusalOf(room: Room, userId: string): Promise<Refusal | undefined> {
    const found = await moderation.restrictions(room, userId);
    if (!found.ok) return found;
    const { ban, mute } = found.value;
    if (mute) carryMute(room, userId);
    const held = ban ?? mute;
    if (!held) return undefined;
    return refuseRestricted(ban ? 'ban' : 'mute', leftMs(held));
  }

  async function lookUp(
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

  function leftMs({ until }: Restricted): number | undefined {
    return until === undefined ? undefined : Math.max(1, until - now());
  }

  return {
    async remove({ nsp, roomid }, userId, { code, until }) {
      // What the other workers cannot be told now is not told later.
      if (degraded()) return refuse('unavailable', 'the store is away', RETRY_MS);
      await orderAll(nsp, {
        does: 'remove',
        roomid,
        userId,
        code,
        ...(until === undefined ? {} : { until }),
      });
      return succeed(undefined);
    },
    async mute({ nsp, roomid }, userId, { until }) {
      await orderAll(nsp, { does: 'mute', roomid, userId, ...(until === undefined ? {} : { until }) });
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
      return users && lookUp(session, room, users);
    },
  };
}
