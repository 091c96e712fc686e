import type { Right } from '../protocol/rights.ts';
import { askNow } from './ask-now.ts';
import { withinLimits } from './call-options.ts';
import { ClientError } from './client-error.ts';
import type { Connection } from './connection.ts';
import { type Content, draftMessage } from './drafts.ts';
import type { Emitter } from './emitter.ts';
import type { Membership } from './membership.ts';
import { createMessageRequests } from './message-requests.ts';
import { type JoinedRoom, withOwnMarked } from './own-messages.ts';
import type { PersistentRoom, RoomEvents } from './room.ts';
import type { RoomChanges } from './room-changes.ts';
import type { RoomFeed } from './room-feed.ts';
import type { RoomMembers } from './room-members.ts';
import type { RoomOutbox } from './room-outbox.ts';
import type { RoomReads } from './room-reads.ts';
import { createSignals } from './signals.ts';
import type { Typists } from './typists.ts';

export interface RoomFacadeDeps {
  readonly roomid: string;
  readonly connection: Pick<Connection, 'ask' | 'state'>;
  /** The error of a content that is too large to be sent. */
  readonly checkContent: (content: Content) => ClientError | undefined;
  /** The current user's id, before the first connection the expected one. */
  readonly userId: () => string | undefined;
  /** Wall clock in ms. */
  readonly wallMs: () => number;
}

/** The parts of a room. */
export interface RoomParts {
  readonly events: Emitter<RoomEvents>;
  readonly outbox: RoomOutbox;
  readonly changes: Pick<RoomChanges, 'add' | 'withdraw'>;
  readonly feed: RoomFeed;
  readonly members: RoomMembers;
  readonly typists: Typists;
  readonly reads: RoomReads;
  readonly phase: () => Membership['phase'];
  readonly latest: () => JoinedRoom | undefined;
  readonly can: () => readonly Right[] | undefined;
  readonly leave: () => Promise<void>;
}

/** The room as the application sees it. */
export function createRoomFacade(
  { roomid, connection, checkContent, userId, wallMs }: RoomFacadeDeps,
  parts: RoomParts,
): PersistentRoom {
  const { events, outbox, feed, phase } = parts;
  const closed = () => new ClientError('closed', `not in ${roomid} any more`);
  return {
    roomid,
    get joined() {
      return parts.latest();
    },
    get can() {
      return parts.can();
    },
    get unsent() {
      return outbox.drafts();
    },
    reads: parts.reads.marks,
    on: events.on,
    say(text, options = {}) {
      const draft = draftMessage(roomid, text, options, { by: userId(), at: wallMs() });
      if (draft instanceof ClientError) return Promise.reject(draft);
      if (phase() === 'ended') return Promise.reject(closed());
      return withinLimits(
        options,
        () => outbox.say(draft),
        (error) => outbox.withdraw(draft.clientMsgId, error),
      );
    },
    ...createMessageRequests({
      roomid,
      connection,
      checkContent,
      changes: {
        add: (change) => (phase() === 'ended' ? Promise.reject(closed()) : parts.changes.add(change)),
        withdraw: parts.changes.withdraw,
      },
    }),
    ...createSignals({ roomid, connection, isJoined: () => phase() === 'joined' }),
    retry: (clientMsgId, options = {}) => withinLimits(options, () => outbox.retry(clientMsgId)),
    discard: outbox.discard,
    async history(query = {}, options = {}) {
      const ask = () => askNow(connection, 'room:history', { roomid, ...query });
      return feed.current(withOwnMarked(await withinLimits(options, ask), userId()));
    },
    memberPage: (query = {}, options = {}) =>
      withinLimits(options, () => askNow(connection, 'room:members', { roomid, ...query })),
    members: parts.members.follow,
    typing(on) {
      if (phase() === 'joined') parts.typists.report(on);
    },
    leave: (options = {}) => withinLimits(options, parts.leave),
  };
}
