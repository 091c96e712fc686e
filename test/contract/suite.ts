import { describe } from 'vitest';
import type { BackendOptions, WorkerBackend } from '../../src/backend/backend.ts';
import { amendContract } from './suite-amend.ts';
import { blocksContract } from './suite-blocks.ts';
import { busContract } from './suite-bus.ts';
import { changesContract } from './suite-changes.ts';
import { connectionsContract } from './suite-connections.ts';
import { connectsContract } from './suite-connects.ts';
import { eraseContract } from './suite-erase.ts';
import { hooksContract } from './suite-hooks.ts';
import { idempotencyContract } from './suite-idempotency.ts';
import { inboxContract } from './suite-inbox.ts';
import { logContract } from './suite-log.ts';
import { loggedRoomsContract } from './suite-logged-rooms.ts';
import { membersContract } from './suite-members.ts';
import { mentionsContract } from './suite-mentions.ts';
import { moderationContract } from './suite-moderation.ts';
import { readersContract } from './suite-readers.ts';
import { replaceContract } from './suite-replace.ts';
import { rosterContract } from './suite-roster.ts';
import { rosterReadsContract } from './suite-roster-reads.ts';
import { secretContract } from './suite-secret.ts';
import { unopenedContract, unopenedPresenceContract } from './suite-unopened.ts';
import { unreadContract } from './suite-unread.ts';

/** One worker's side of the store under test. */
export type Peer = WorkerBackend & { readonly instanceId: string };

/** What every store of logs has, also one that knows no presence. */
export type StorePeer = Pick<
  Peer,
  'logs' | 'loggedRooms' | 'roomReaders' | 'bus' | 'inboxes' | 'pushes' | 'idempotency' | 'hooks' | 'close'
>;

export interface PeerClock {
  /** The worker's monotonic clock, where it measures its own lease. */
  readonly elapsedMs?: () => number;
}

/** A store of its own, with nothing in it. */
export interface Harness<P = Peer> {
  /**
   * One more worker over the same store, ready to be used. A test passes the same options to every `open`;
   * where the store applies them itself, those of the first one count.
   */
  open(options?: Partial<BackendOptions> & PeerClock): Promise<P>;
  /** That worker’s lease is over for the others, as if it had been silent for so long. Not there where a worker cannot die unnoticed. */
  endLease?(instanceId: string): Promise<void>;
  /** Closes the open peers, stops the store in order and starts it again with its data. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** What a store of logs promises to the chat rules; the store that other tests have in memory keeps it too. */
export function storeContract(name: string, harness: () => Promise<Harness<StorePeer>>): void {
  describe(`${name} store`, () => {
    logContract(harness);
    inboxContract(harness);
    unopenedContract(harness);
    loggedRoomsContract(harness);
    idempotencyContract(harness);
    hooksContract(harness);
    busContract(harness);
    replaceContract(harness);
    amendContract(harness);
    unreadContract(harness);
    readersContract(harness);
  });
}

/** What every backend promises to the chat rules, tried on two workers over one store. */
export function backendContract(name: string, harness: () => Promise<Harness>): void {
  storeContract(name, harness);
  describe(`${name} backend`, () => {
    rosterContract(harness);
    rosterReadsContract(harness);
    connectionsContract(harness);
    secretContract(harness);
    moderationContract(harness);
    blocksContract(harness);
    mentionsContract(harness);
    eraseContract(harness);
    membersContract(harness);
    unopenedPresenceContract(harness);
    changesContract(harness);
    connectsContract(harness);
  });
}
