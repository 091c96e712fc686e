/** The orders to the driver processes, and their answers. */

import type { WrongCounts } from '../checker/live/findings.ts';
import type { RoomBlock } from '../checker/live/room-blocks.ts';
import type { Finding } from '../result.ts';

/** The dialects that stand in dialects.ts. */
export type BuiltInDialect = 'roomcast' | 's3' | 'stock' | 'ws' | 'nchan';
/** One of them, or the address of a module that is one. */
export type DialectName = BuiltInDialect | `file:${string}`;

export interface ClientSpec {
  readonly id: number;
  readonly port: number;
  /** The own machine's loopback by default. */
  readonly host?: string;
  /** The name of the host for its certificate and the Host header, if another one is dialled. */
  readonly hostName?: string;
  readonly secure?: boolean;
  /** The path of the server's Socket.IO, if not the usual one. */
  readonly socketPath?: string;
  /** The index of the server among those of the run. */
  readonly server?: number;
  readonly transport?: 'websocket' | 'polling';
  /** Without one the client is connected but in no room. */
  readonly room?: string;
  /** A speaker is a member who talks; a publisher only talks. */
  readonly role: 'member' | 'speaker' | 'publisher';
  readonly token?: string;
  /** Its share of the messages, as compared with the others; 1 if absent. */
  readonly talkWeight?: number;
  /** The client is never chosen to leave. */
  readonly stays?: boolean;
}

export interface ConnectOrder {
  readonly do: 'connect';
  readonly dialectName: DialectName;
  readonly clients: readonly ClientSpec[];
  /** Connections on their way at once. */
  readonly inFlight: number;
  /** Connections begun per second; as fast as they get in without. */
  readonly perSecond?: number;
  /** Time until those that are not in by then count as lost. */
  readonly limitMs: number;
  readonly talk: TalkStyle;
  /** Clients come back, with what they had, when their connection ends by itself. */
  readonly returning?: boolean;
  /** The beginning of the clients' names, so that those of two runs differ. */
  readonly namePrefix?: string;
  readonly seed?: number;
  /** Rooms that have members in other processes too. */
  readonly sharedRooms?: readonly string[];
}

/** A length of texts, and the part of the messages that have it. */
export interface TextSize {
  readonly bytes: number;
  readonly share: number;
}

export interface TalkStyle {
  /** The length of each text, or with `textSizes` their mean. */
  readonly textBytes: number;
  /** For messages at the common rate, and to one user. */
  readonly textSizes?: readonly TextSize[];
  /** One of this many receivers times a message, because reading the time costs as much as checking the number. */
  readonly timedOneIn: number;
  /** The newest messages of each room that are kept to compare: a power of two. */
  readonly kept?: number;
  /** The most messages of one client that may be unanswered: rings are that long. */
  readonly unacked?: number;
}

/** Every speaker of `rooms` (of all of them without) talks at this rate, whatever the answers do. */
export interface TalkOrder {
  readonly do: 'talk';
  readonly perSecond: number;
  /** The most messages of one speaker that may be unanswered; one that is due beyond that waits, and its latency runs. */
  readonly unacked: number;
  readonly rooms?: readonly string[];
}

/** All speakers together say at one rate, by turns or by their weights. */
export interface RateOrder {
  readonly do: 'rate';
  readonly perSecond: number;
  /** The share of messages that go to one user, 0 to 1. */
  readonly privateShare: number;
  /** Clients that leave per second; each comes again a little later. */
  readonly churnPerS: number;
}

/** Highest number acked, by room. */
export type Tops = Readonly<Record<string, number>>;

export type Order =
  | ConnectOrder
  | TalkOrder
  | RateOrder
  /** Pause the common rate; answered once everything is acked. */
  | { readonly do: 'pause'; readonly limitMs: number }
  /** Stop talking; answered once everything is acked. */
  | { readonly do: 'stop'; readonly limitMs: number }
  /** Answered once every member has everything. */
  | { readonly do: 'settle'; readonly tops: Tops; readonly limitMs: number }
  /** Answered with the figures since the last mark. */
  | { readonly do: 'mark' }
  /** Asks one member of each room that the process has for the list of its members. */
  | { readonly do: 'members'; readonly rooms: readonly string[]; readonly limitMs: number }
  | { readonly do: 'cut' }
  /** The client reads nothing any more. */
  | { readonly do: 'stall'; readonly id: number }
  /** Answered with true while the client has a connection, as the kernel sees it: a client that reads nothing notices no end. */
  | { readonly do: 'connected'; readonly id: number }
  /** Clients in no room enter one, each stays a while and leaves again. */
  | {
      readonly do: 'pass';
      readonly room: string;
      readonly overMs: number;
      readonly stayMs: number;
    };

export interface Connected {
  readonly joined: number;
  readonly tookMs: number;
  /** From the first packet to being in the room, in µs. */
  readonly joinUs: string;
}

/** The epochs of a room that a process has seen, newest last, and the highest number acked to it in the newest one. */
export interface RoomTop {
  readonly room: string;
  readonly epochs: readonly string[];
  readonly top: number;
}

export interface Stopped {
  readonly tops: readonly RoomTop[];
  readonly unanswered: number;
}

export interface Faults {
  /** Numbers that never came. */
  readonly lost: number;
  /** Numbers that came again, or after a higher one. */
  readonly again: number;
  /** Messages that nobody said, or not there. */
  readonly foreign: number;
  /** Connections that ended by themselves. */
  readonly cut: number;
  /** The first few, in words. */
  readonly words: readonly string[];
}

export interface Settled extends Faults {
  readonly wrong: WrongCounts;
  readonly findings: readonly Finding[];
  /** Deliveries whose content could not be compared. */
  readonly uncompared: number;
  /** Clients that were dialled and were not in at the end. */
  readonly absent: number;
  /** Messages that had not come when the time was up: too slow, or lost. */
  readonly overdue: number;
  /** Pairs of messages that two members got in different orders, where the server promises none. */
  readonly reordered?: number;
}

/** Histograms are encoded as hdr-histogram-js does, in µs, counted from the intended time. */
export interface Window {
  readonly elapsedMs: number;
  readonly cpuNs: number;
  readonly rssBytes: number;
  readonly sent: number;
  /** Due when the talk ended, and never sent. */
  readonly unsaid: number;
  /** Due at the end of the window but held back behind unanswered ones. */
  readonly backlog: number;
  readonly acked: number;
  /** By error code. */
  readonly refused: Readonly<Record<string, number>>;
  /** By reason. */
  readonly failedConnections: Readonly<Record<string, number>>;
  /** Refusals that were temporary but did not say when to come back. */
  readonly timeless: number;
  readonly delivered: number;
  readonly privateSent: number;
  readonly privateDelivered: number;
  readonly bytesRead: number;
  readonly joined: number;
  readonly cutInWindow: number;
  readonly resumed: number;
  readonly reportedGone: number;
  readonly deliverUs: string;
  readonly ackUs: string;
  readonly joinUs: string;
  readonly lagUs: string;
  readonly loopDelayUs: string;
  /** Everything else that clients in a room heard: presence and the like. */
  readonly asideMessages: number;
  readonly asideBytes: number;
  /** Since the process began. */
  readonly wrong: WrongCounts;
  /** Since the process began. */
  readonly shares: readonly ShareFigures[];
  /** The blocks of rooms that several processes share. */
  readonly blocks: readonly RoomBlock[];
}

export interface ShareFigures {
  readonly server: number;
  readonly worker: number | undefined;
  /** Connected now. */
  readonly clients: number;
  readonly delivered: number;
  readonly acked: number;
  readonly refused: number;
}

export interface RoomMembers {
  readonly room: string;
  /** The server's list; undefined if nobody here is in the room or the server did not answer. */
  readonly listed?: readonly string[];
  /** Those of this process's clients that are in the room. */
  readonly connected: readonly string[];
}

export interface Answers {
  readonly connect: Connected;
  readonly talk: Record<never, never>;
  readonly rate: Record<never, never>;
  readonly pause: Record<never, never>;
  readonly stop: Stopped;
  readonly settle: Settled;
  readonly mark: Window;
  readonly members: readonly RoomMembers[];
  readonly cut: Record<never, never>;
  readonly stall: Record<never, never>;
  readonly connected: { readonly connected: boolean };
  readonly pass: { readonly entered: number; readonly left: number };
}
