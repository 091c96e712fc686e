/**
 * The events of a run, as the clients saw them: the checker's whole input beside the logs read at the end.
 *
 * A record is written by the app's callback, after the SDK dropped repeats, because the promise is about
 * what the app gets; what the SDK dropped is counted by `repeat`. Records of one client must come in the
 * order that client saw them; records of different clients may come in any order, file after file.
 *
 * Times are ms, monotonic within one machine (performance.timeOrigin + performance.now()), so they can be
 * compared between processes. `room` is the namespace, a blank and the roomid: the same roomid in two
 * namespaces is two rooms.
 */
export type HistoryRecord =
  | InvokeRecord
  | OkRecord
  | FailRecord
  | InfoRecord
  | JoinRecord
  | LeaveRecord
  | DeliverRecord
  | RepeatRecord
  | GapRecord
  | ConnectionRecord
  | FaultRecord;

/** The client that recorded it, when, and in which room. */
interface RoomRecord {
  readonly t: number;
  readonly client: string;
  readonly room: string;
}

/** A client's or the log's content of one number of an epoch. */
interface Delivered {
  readonly epoch: string;
  readonly seq: number;
  readonly id?: string;
  readonly serverId: string;
  /** The `client` that invoked it. */
  readonly sender?: string;
  readonly text?: string;
  /** It names no sender and no text: it is no message, or one that was deleted. It has its place in the order all the same. */
  readonly bare?: true;
}

/** A send begins. A retry is another record with the same `id`. */
export interface InvokeRecord extends RoomRecord {
  readonly kind: 'invoke';
  /** The clientMsgId: one per logical message, kept over its retries. */
  readonly id: string;
  /** Hash of the text. */
  readonly text: string;
  readonly attempt?: number;
  /** `false`: the sending connection is left out, its ack counts as its delivery. */
  readonly echo?: boolean;
}

/** The message was acked at this position. */
export interface OkRecord extends RoomRecord {
  readonly kind: 'ok';
  readonly id: string;
  readonly epoch: string;
  readonly seq: number;
  readonly dup?: boolean;
}

/**
 * A refusal. It is definite unless an `info` of the same id came before, or its code is `unavailable` or
 * `internal`: after those the message may be stored all the same.
 */
export interface FailRecord extends RoomRecord {
  readonly kind: 'fail';
  readonly id: string;
  readonly code: string;
}

/** No answer: the message may be stored or not. */
export interface InfoRecord extends RoomRecord {
  readonly kind: 'info';
  readonly id: string;
}

/**
 * The join's ack (or `joined`) came: live messages start after `seq`. With `resumed` the position asked for
 * and whether it was recovered; the recovered messages come as `deliver` records with source `replay`.
 *
 * The record stands before the `deliver` records of its page. Without `resumed` a membership begins again if the
 * client's connection was down since its last join, otherwise the old one goes on. A member who is away and never
 * comes back still expects everything: a client that goes for good needs a `leave`.
 */
export interface JoinRecord extends RoomRecord {
  readonly kind: 'join';
  readonly epoch: string;
  readonly seq: number;
  readonly resumed?: { readonly epoch: string; readonly seq: number; readonly recovered: boolean };
}

/** Membership ends: at `seq` when the client knows the room's top, otherwise at the last one it got. */
export interface LeaveRecord extends RoomRecord {
  readonly kind: 'leave';
  readonly seq?: number;
  /** The epoch of `seq`; if absent, the newest epoch that any client had heard of by then. */
  readonly epoch?: string;
}

/** A delivery to the app. `history` is a page shown at a join: nobody is entitled to it by number. */
export interface DeliverRecord extends RoomRecord, Delivered {
  readonly kind: 'deliver';
  readonly source: 'live' | 'replay' | 'history';
}

/** A raw arrival the SDK dropped; only counted. */
export interface RepeatRecord extends RoomRecord {
  readonly kind: 'repeat';
  readonly epoch: string;
  readonly seq: number;
}

/** The server reported that `from`..`to` are lost. */
export interface GapRecord extends RoomRecord {
  readonly kind: 'gap';
  readonly epoch: string;
  readonly from: number;
  readonly to: number;
  readonly reason: 'epoch' | 'trimmed';
}

export interface ConnectionRecord {
  readonly kind: 'connection';
  readonly t: number;
  readonly client: string;
  readonly up: boolean;
  readonly reason?: string;
}

export interface FaultRecord {
  readonly kind: 'fault';
  readonly t: number;
  readonly name: string;
  readonly at: 'start' | 'end';
  readonly detail?: string;
}

export type LogEntry = Delivered;

/** A room's log as read after the run, oldest first; trimming may have taken its beginning. */
export interface FinalLog {
  readonly room: string;
  /** The epoch at the end. */
  readonly epoch: string;
  readonly entries: readonly LogEntry[];
  /** The top the log names: needed only if it is empty because everything expired. */
  readonly top?: number;
}
