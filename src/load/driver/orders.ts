/** What the benchmark asks of its driver processes, and what they answer. */

/** How a system is spoken to, see dialects.ts. */
export type Tongue = 'roomcast' | 'stock' | 'ws' | 'nchan';

export interface ClientSpec {
  readonly id: number;
  readonly port: number;
  /** Without one the client is connected but in no room. */
  readonly room?: string;
  /** A speaker is a member who talks; a publisher only talks. */
  readonly role: 'member' | 'speaker' | 'publisher';
}

export interface ConnectOrder {
  readonly do: 'connect';
  readonly tongue: Tongue;
  readonly clients: readonly ClientSpec[];
  /** Connections on their way at once. */
  readonly inFlight: number;
  /** Time until those that are not in by then count as lost. */
  readonly limitMs: number;
  readonly talk: TalkStyle;
}

export interface TalkStyle {
  readonly textBytes: number;
  /** One receiver in so many times a message: reading the time costs as much as checking the number. */
  readonly timedOneIn: number;
}

/** Every speaker of `rooms` (of all of them without) talks at this rate, whatever the answers do. */
export interface TalkOrder {
  readonly do: 'talk';
  readonly perSecond: number;
  /** What one speaker may have unanswered; what is due beyond that waits, and its latency runs. */
  readonly unacked: number;
  readonly rooms?: readonly string[];
}

/** Highest number acked, by room. */
export type Tops = Readonly<Record<string, number>>;

export type Order =
  | ConnectOrder
  | TalkOrder
  /** Stop talking; answered once everything is acked. */
  | { readonly do: 'hush'; readonly limitMs: number }
  /** Answered once every member has everything. */
  | { readonly do: 'settle'; readonly tops: Tops; readonly limitMs: number }
  /** What happened since the last mark. */
  | { readonly do: 'mark' }
  | { readonly do: 'cut' }
  /** The client reads nothing any more. */
  | { readonly do: 'stall'; readonly id: number }
  /** Whether the client still has a connection, as the kernel sees it: who reads nothing hears of no end. */
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

export interface Hushed {
  readonly tops: Tops;
  readonly unanswered: number;
}

export interface Faults {
  /** Numbers that never came. */
  readonly lost: number;
  /** Numbers that came again, or after a higher one. */
  readonly again: number;
  /** Connections that ended by themselves. */
  readonly cut: number;
  /** The first few, in words. */
  readonly words: readonly string[];
}

/** Histograms are encoded as hdr-histogram-js does, in µs, counted from the intended time. */
export interface Window {
  readonly elapsedMs: number;
  readonly cpuNs: number;
  readonly sent: number;
  /** Due at the end of the window but held back behind unanswered ones. */
  readonly backlog: number;
  readonly acked: number;
  /** By error code. */
  readonly refused: Readonly<Record<string, number>>;
  /** Refusals that were temporary but did not say when to come back. */
  readonly timeless: number;
  readonly delivered: number;
  readonly deliverUs: string;
  readonly ackUs: string;
  /** Everything else that clients in a room heard: presence and the like. */
  readonly asideMessages: number;
  readonly asideBytes: number;
}

export interface Answers {
  readonly connect: Connected;
  readonly talk: Record<never, never>;
  readonly hush: Hushed;
  readonly settle: Faults;
  readonly mark: Window;
  readonly cut: Record<never, never>;
  readonly stall: Record<never, never>;
  readonly connected: { readonly connected: boolean };
  readonly pass: { readonly entered: number; readonly left: number };
}
