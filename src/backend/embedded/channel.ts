import type { MarkerUpdate, PushPositions } from '../../chat/inbox-store.ts';
import type { Draft, Entry, LogQuery, Position } from '../../chat/log-store.ts';
import type { Restriction } from '../../chat/moderation.ts';
import type { Room } from '../../chat/room.ts';
import type { PresenceChange, PresenceMove, RosterEntry, RosterPage } from '../../chat/roster.ts';
import type { Outcome } from '../../protocol/codes.ts';
import type { ReadOf } from './log-store.ts';

/** What workers ask the primary over IPC, and with which body. */
export interface Requests {
  'store.append': { readonly room: Room; readonly draft: Draft };
  'store.read': { readonly room: Room; readonly query: LogQuery };
  'store.replace': {
    readonly room: Room;
    readonly seq: number;
    readonly members: string;
    readonly notice: Draft | undefined;
  };
  'store.unread': { readonly asked: readonly ReadOf[] };
  'store.tops': { readonly tags: readonly string[] };
  'store.secret': null;
  'store.check': null;
  'inbox.marks': { readonly tag: string };
  'inbox.raise': { readonly tag: string; readonly to: MarkerUpdate };
  'inbox.fold': {
    readonly inbox: Room;
    readonly draft: Draft;
    readonly news: { readonly was: Position | undefined; readonly becomes: Position };
  };
  'inbox.progress': { readonly items: readonly { readonly tag: string; readonly seq: number }[] };
  'inbox.erase': { readonly tag: string };
  'moderation.restrict': {
    readonly tag: string;
    readonly userId: string;
    readonly kind: Restriction;
    readonly seconds?: number;
  };
  'moderation.lift': { readonly tag: string; readonly userId: string; readonly kind: Restriction };
  'moderation.restrictions': { readonly tag: string; readonly userId: string };
  'visits.visit': {
    readonly tag: string;
    readonly roomid: string;
    readonly joined: boolean;
    readonly top: number;
  };
  'visits.read': { readonly tag: string; readonly roomid: string; readonly seq: number };
  'visits.visited': { readonly tag: string };
  'claims.claim': { readonly key: string; readonly fingerprint: string; readonly id: string };
  'claims.settle': { readonly key: string; readonly id: string; readonly answer?: string };
  'push.keep': { readonly id: string; readonly places: PushPositions };
  'push.find': { readonly id: string };
  'bus.probe': null;
  'bus.hold': { readonly tag: string };
  'roster.enter': {
    readonly room: Room;
    readonly user: RosterEntry;
    readonly own: number;
    readonly clients: number;
    readonly returned?: boolean;
  };
  'roster.exit': { readonly room: Room; readonly userId: string; readonly clients: number };
  'roster.recount': { readonly room: Room; readonly clients: number };
  'roster.count': { readonly tag: string };
  'roster.named': { readonly tag: string; readonly username: string; readonly limit: number };
  'roster.staysIn': { readonly tag: string; readonly userId: string };
  'roster.isIn': { readonly tags: readonly string[]; readonly userId: string };
  'roster.members': { readonly tag: string; readonly page: RosterPage };
  'roster.rooms': { readonly nsp: string; readonly page: RosterPage };
  'roster.setConnections': { readonly inbox: Room; readonly connections: number };
  'roster.connections': { readonly tags: readonly string[] };
  'roster.totals': null;
  'roster.bury': { readonly instanceId: string };
  'roster.renew': null;
  'roster.sweep': { readonly instanceId: string };
  'roster.expired': null;
}

export interface Notices {
  /** Worker to primary. Being a notice it keeps its place between two `bus.hold`. */
  'bus.release': { readonly tag: string };
  /** Worker to primary. Not asked for an answer: one that came too late would be told a second time by other means. */
  'bus.tell': { readonly tag: string; readonly move: PresenceMove };
  /** Primary to worker: what one commit published, in the log's order. */
  'bus.entries': readonly { readonly tag: string; readonly entry: Entry }[];
  /** Primary to worker: what a room is told of who is in it. */
  'bus.presence': { readonly tag: string; readonly change: PresenceChange | PresenceMove };
}

/** A worker's way to the primary: answered, or refused with a time to try again. */
export type Ask = <T, K extends keyof Requests = keyof Requests>(
  kind: K,
  body: Requests[K],
) => Promise<Outcome<T>>;
