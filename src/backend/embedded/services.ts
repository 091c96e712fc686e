import type { Entry, RoomBus } from '../../chat/log-store.ts';
import type { Room } from '../../chat/room.ts';
import type { PresenceChange, PresenceEvent, Roster, RosterEntry } from '../../chat/roster.ts';
import type { NoticeKind } from '../../cluster/ipc.ts';
import type { Outcome } from '../../protocol/codes.ts';
import type { Stores, WorkerBackend } from '../backend.ts';

/**
 * The services of the primary that workers call over IPC. The worker's side is a proxy and the primary serves objects
 * of these types, so a method declared here is written once more only: where it is implemented.
 */
export interface PrimaryServices extends Stores {
  readonly store: Pick<WorkerBackend, 'secret' | 'check'>;
  readonly roster: RosterService;
  readonly bus: BusService;
}

/** The `Roster` as one worker calls it. */
export interface RosterService extends Omit<Roster, 'enter' | 'exit' | 'heartbeat' | 'reap' | 'onReturn'> {
  enter(
    room: Room,
    user: RosterEntry,
    own: number,
    clients: number,
    /** The user was only taken for gone: MAX_ROOM_CLIENTS does not apply. */
    returned?: boolean,
  ): ReturnType<Roster['enter']>;
  /** A worker of an earlier release gives no `unannounced`, and announces the departure itself. */
  exit(room: Room, userId: string, clients: number, unannounced?: boolean): ReturnType<Roster['exit']>;
  /** A worker of an earlier release does not ask the primary to `announce` the departures. */
  reap(instanceId: string, announce?: boolean): ReturnType<Roster['reap']>;
  /** The answer says whether the worker was known before. The primary counts its connections by `setConnections`. */
  heartbeat(): Promise<Outcome<boolean>>;
}

export interface BusService extends Pick<RoomBus, 'probe'> {
  subscribe(tag: string): Promise<Outcome<void>>;
}

export const BUS: {
  /** worker → primary. A notice, so that it keeps its place between two `subscribe`. */
  readonly unsubscribe: NoticeKind<string>;
  /**
   * worker → primary. A notice and not a request: after a late answer the worker would send a request a second time.
   */
  readonly notify: NoticeKind<{ readonly tag: string; readonly move: PresenceEvent }>;
  /** primary → worker: what one commit published, in the log's order. */
  readonly entries: NoticeKind<readonly { readonly tag: string; readonly entry: Entry }[]>;
  /** primary → worker: who came to a room and who left it. */
  readonly presence: NoticeKind<{ readonly tag: string; readonly change: PresenceChange | PresenceEvent }>;
} = {
  unsubscribe: 'bus.unsubscribe',
  notify: 'bus.notify',
  entries: 'bus.entries',
  presence: 'bus.presence',
};
