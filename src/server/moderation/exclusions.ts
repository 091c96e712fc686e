import { setTimeout as pause } from 'node:timers/promises';
import type { Logger } from 'pino';
import { batchesOf } from '../../chat/batches.ts';
import { refuseExcluded } from '../../chat/exclusions.ts';
import type { InboxStore } from '../../chat/inbox-store.ts';
import type { ActiveRestriction, Moderation, RevokedTokens } from '../../chat/moderation.ts';
import { inboxOf, type Room } from '../../chat/room.ts';
import { BYE, type Outcome, succeed } from '../../protocol/codes.ts';
import { runDespiteLimit } from '../event-queue.ts';
import type { Membership, Session } from '../session.ts';
import type { ChatNamespace } from '../socket-types.ts';
import type { Logins } from '../users/logins.ts';
import { createWorkerCommands } from './worker-commands.ts';

/**
 * Bans of users and revocations of tokens, which hold in every namespace. The store has them before the workers hear of them: a
 * connection is bound to its user first, then reads them with its inbox. Either it finds them there, or the command finds it.
 */
export interface Exclusions {
  ban(userId: string, seconds?: number): Promise<Outcome<ActiveRestriction>>;
  /** Returns false if there was no ban. */
  unban(userId: string): Promise<Outcome<boolean>>;
  revoke(userId: string, tokens: RevokedTokens): Promise<Outcome<void>>;
  /** Ends a connection of which the store has told that its user or its token is excluded. */
  turnAway(session: Session): void;
  /** Checks every connection of this worker, which may have missed a command. */
  review(): Promise<void>;
}

export interface ExclusionsDeps {
  readonly namespaces: readonly ChatNamespace[];
  readonly logins: Pick<Logins, 'sessionsOf' | 'sessions'>;
  readonly moderation: Pick<Moderation, 'restrict' | 'lift' | 'revoke'>;
  readonly inboxes: Pick<InboxStore, 'markers'>;
  /** Leaves the room as if the user had asked for it, and stays among the user's rooms. */
  readonly leave: (session: Session, roomid: string, membership: Membership) => Promise<void>;
  /** Ends what the user's tokens read over HTTP. */
  readonly endStreams: (nsp: string, userId: string) => void;
  /** Writes the room's gathered messages now. */
  readonly flush: (room: Room) => void;
  readonly degraded: () => boolean;
  /** Ms since 1970. */
  readonly now: () => number;
  readonly log: Logger;
}

/** A command from one worker to all. Without `tokens`, the user is banned. */
interface ExcludeCommand {
  readonly userId: string;
  readonly tokens?: RevokedTokens;
}

/** A client that does not read, or a store that does not answer, must not keep the connection open for longer. */
const LEAVE_MS = 500;
/** Bounds the queries in one write. */
const REVIEW_BATCH = 200;

export function createExclusions(deps: ExclusionsDeps): Exclusions {
  const { namespaces, logins, moderation, inboxes, endStreams, now, log } = deps;
  const commandWorkers = createWorkerCommands<ExcludeCommand>({
    namespaces,
    event: 'user:exclude',
    carryOut({ name }, command) {
      endStreams(name, command.userId);
      const sessions = logins.sessionsOf(inboxOf(name, command.userId));
      return Promise.all(sessions.map((session) => end(session, () => isHit(session, command))));
    },
    log,
  });

  function close({ socket, memberships }: Session): void {
    if (!socket.connected) return;
    for (const { room } of memberships.values()) deps.flush(room);
    const reason = 'this user or token is not admitted any more';
    socket.emit('bye', { code: BYE.disconnected, reason, reconnect: false, afterMs: 0 });
    // `disconnect`, because stock clients reconnect after a closed engine.
    socket.disconnect(true);
  }

  /** Leaves the rooms first, so that their members hear of it at once and not after the time for a return. */
  async function leaveAndClose(session: Session): Promise<void> {
    const { memberships, binding } = session;
    await Promise.all(
      [...memberships].map(([roomid, membership]) => deps.leave(session, roomid, membership)),
    );
    // Read-your-writes: after the answer no worker counts the connection.
    await binding?.uncount();
    close(session);
  }

  /** Waits for the connection's turn: it may be changing to this user, or renewing its token. */
  async function end(session: Session, isStillHit: () => boolean): Promise<void> {
    const ending = runDespiteLimit(session.queue, async () => {
      if (isStillHit()) await leaveAndClose(session);
    }).catch((error: unknown) => log.error({ err: error }, 'an excluded user could not leave the rooms'));
    await Promise.race([ending, pause(LEAVE_MS, undefined, { ref: false })]);
    if (isStillHit()) close(session);
  }

  async function everywhere<T>(step: (nsp: string) => Promise<Outcome<T>>): Promise<Outcome<T[]>> {
    const done = await Promise.all(namespaces.map(({ name }) => step(name)));
    const values: T[] = [];
    for (const one of done) {
      if (!one.ok) return one;
      values.push(one.value);
    }
    return succeed(values);
  }

  const notify = (command: ExcludeCommand) =>
    Promise.all(namespaces.map(({ name }) => commandWorkers(name, command)));

  async function check(session: Session): Promise<void> {
    const { user, identity, socket } = session;
    const { access } = identity;
    const found = await inboxes.markers(inboxOf(socket.nsp.name, user.id), { jti: access.token?.jti });
    if (!found.ok || !refuseExcluded(found.value.exclusion, access, now())) return;
    await end(session, () => session.user.id === user.id && session.identity.access === access);
  }

  return {
    async ban(userId, seconds) {
      const banned = await everywhere((nsp) =>
        moderation.restrict(inboxOf(nsp, userId), userId, 'ban', seconds),
      );
      if (!banned.ok) return banned;
      await notify({ userId });
      return succeed(banned.value[0] ?? {});
    },
    async unban(userId) {
      const lifted = await everywhere((nsp) => moderation.lift(inboxOf(nsp, userId), userId, 'ban'));
      return lifted.ok ? succeed(lifted.value.some((one) => one)) : lifted;
    },
    async revoke(userId, tokens) {
      const revoked = await everywhere((nsp) => moderation.revoke(inboxOf(nsp, userId), tokens, now()));
      if (!revoked.ok) return revoked;
      await notify({ userId, tokens });
      return succeed(undefined);
    },
    turnAway(session) {
      // At once where it is in no room yet, so that it gets into none.
      if (session.memberships.size === 0) close(session);
      else void end(session, () => true);
    },
    async review() {
      for (const batch of batchesOf([...logins.sessions()], REVIEW_BATCH)) {
        if (deps.degraded()) return;
        await Promise.all(batch.map(check));
      }
    },
  };
}

function isHit({ user, identity }: Session, { userId, tokens }: ExcludeCommand): boolean {
  if (user.id !== userId) return false;
  if (!tokens) return true;
  const { token } = identity.access;
  if (!token) return false;
  return 'jti' in tokens ? token.jti === tokens.jti : token.issuedAt < tokens.before;
}
