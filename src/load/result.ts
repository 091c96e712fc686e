/**
 * The findings of a run of `roomcast load`, as `--json` writes it and the report draws it. Times are in ms unless a name
 * says otherwise, and counted from the start of the run where they name a moment.
 */
export interface LoadResult {
  readonly format: 1;
  readonly tool: { readonly name: 'roomcast'; readonly version: string };
  /** The command to repeat the run, ready for a shell; a secret stands in it as `…`. */
  readonly command: string;
  readonly machine: MachineFacts;
  readonly config: LoadConfig;
  /** ISO 8601. */
  readonly startedAt: string;
  /** From the first connection to the last delivery. */
  readonly tookMs: number;
  /** Ctrl-C, or a step that broke a limit, ended the run before its time. */
  readonly endedEarly: boolean;
  readonly verdict: LoadVerdict;
  readonly totals: Totals;
  readonly latency: Latencies;
  readonly seconds: readonly SecondFigures[];
  readonly servers: readonly ServerShare[];
  readonly faults: readonly FaultMark[];
  readonly driver: DriverFigures;
  /** With `--steps`: one row for each load that was offered, else empty. */
  readonly steps: readonly StepFigures[];
  /** With `--vs`: the other server. */
  readonly versus?: Versus;
}

/** Two servers by turns under the same load. */
export interface Versus {
  /** The other server's own result. */
  readonly second: LoadResult;
  /** The figures of each turn of both, with `--steps` one for each rate. */
  readonly turns: readonly { readonly first?: StepFigures; readonly second?: StepFigures }[];
  /** The first server's figure divided by the second's, in each turn of both. */
  readonly ratios: readonly Ratio[];
  /** Turns in which a server delivered nothing, and so had neither latency nor CPU per delivery to compare. */
  readonly leftOut: number;
}

/** The quotients are null where the second server's figure is 0. */
export interface Ratio {
  readonly name: string;
  /** The medians of both. */
  readonly first: number;
  readonly second: number;
  readonly median: number | null;
  readonly least: number | null;
  readonly most: number | null;
}

export interface MachineFacts {
  readonly node: string;
  readonly platform: string;
  readonly cpuModel: string;
  readonly cores: number;
}

/** The options after defaults, in plain numbers. */
export interface LoadConfig {
  readonly urls: readonly string[];
  readonly dialect: string;
  readonly clients: number;
  readonly rooms: number;
  /** Messages said per second by all clients together. */
  readonly ratePerS: number;
  readonly durationMs: number;
  /** Connections opened per second. */
  readonly rampPerS: number;
  /** The length of each text; with `--profile` the mean. */
  readonly textBytes: number;
  readonly transport: 'websocket' | 'polling' | 'mix';
  readonly skew: 'even' | 'zipf' | 'profile';
  /** With `--profile`, what the other fields do not say. */
  readonly replay?: ReplayConfig;
  /** Clients that leave and are replaced, per second. */
  readonly churnPerS: number;
  /** The part of what is said that goes to one user, 0 to 1. */
  readonly privateShare: number;
  readonly seed: number;
  readonly processes: number;
  /** Undefined: not limited. */
  readonly maxP99Ms?: number;
  /** The part of requests and connections that may fail, 0 to 1. */
  readonly maxErrorShare: number;
  /** The driver counts as too slow above it. */
  readonly maxLagMs: number;
  readonly faults: readonly string[];
  readonly stepRatesPerS: readonly number[];
}

/** The part of a profile that has no option of its own. A field is absent if an option replaces it. */
export interface ReplayConfig {
  /** The largest first. */
  readonly roomSizes?: readonly RoomSize[];
  /** A room's messages grow with this power of its clients; with 1, all clients say the same. */
  readonly talkExponent?: number;
  readonly textSizes?: readonly { readonly bytes: number; readonly share: number }[];
  /** The part of the clients that poll, 0 to 1. */
  readonly pollingShare?: number;
}

/** So many rooms have so many clients. */
export interface RoomSize {
  readonly clients: number;
  readonly rooms: number;
}

/** In the order of their weight: the first that holds names the exit code. */
export const OUTCOMES = ['wrong', 'driver-too-slow', 'threshold-missed', 'good'] as const;
export type Outcome = (typeof OUTCOMES)[number];

export const EXIT_CODES: Readonly<Record<Outcome, number>> = {
  good: 0,
  wrong: 1,
  'threshold-missed': 2,
  'driver-too-slow': 4,
};
/** The arguments are wrong, or the run cannot start. */
export const EXIT_MISUSED = 3;

/** The kinds of faults that a server can show to the driver. */
export const WRONG_KINDS = [
  /** A member should have got a message and did not. */
  'lost',
  /** One message twice to one client. */
  'repeated',
  /** A message came after a later one, or two clients got two messages in different orders. */
  'swapped',
  /** A message arrived that nobody said, or not with this text or sender, or that was refused. */
  'phantom',
  /** A message reached a room or a user that it was not said to. */
  'leaked',
  /** A user is listed in a room without a connection there. */
  'ghost',
  /** A connected user is not listed in its room. */
  'unlisted',
] as const;
export type WrongKind = (typeof WRONG_KINDS)[number];

export interface Finding {
  readonly kind: WrongKind;
  /** In words: the client, the room and the numbers. */
  readonly detail: string;
}

export interface LoadVerdict {
  readonly outcome: Outcome;
  readonly exitCode: number;
  /** The reasons for the outcome, a sentence each; for `good` what was proved. */
  readonly reasons: readonly string[];
  readonly wrong: Readonly<Record<WrongKind, number>>;
  /** The first findings of each kind; `wrong` counts all. */
  readonly findings: readonly Finding[];
  /**
   * The part of the deliveries whose content was compared, 0 to 1, within a process or between those that share rooms,
   * whichever is less; the number of each delivery is always checked.
   */
  readonly comparedShare: number;
  /** The checks that this run left out, a sentence each: a dialect without member lists, a driver that was late. */
  readonly notChecked: readonly string[];
}

/** Counts of messages, if nothing else is stated. */
export interface Totals {
  readonly said: number;
  readonly acked: number;
  /** Due, but held back behind unanswered ones until the talk ended. */
  readonly unsaid: number;
  /** By error code. */
  readonly refused: Readonly<Record<string, number>>;
  /** Neither acked nor refused. */
  readonly unanswered: number;
  /** Deliveries of room messages to clients, and of private ones. */
  readonly delivered: number;
  readonly privateDelivered: number;
  readonly bytesRead: number;
  /** Times that a client got into its room: a client that left and came again counts twice. */
  readonly joined: number;
  /** Connections that did not get in, by reason. */
  readonly failedConnections: Readonly<Record<string, number>>;
  /** Clients that were not in their rooms at the end. */
  readonly absent: number;
  /** Connections that the server or the network ended. */
  readonly cut: number;
  /** Clients that came back after that and recovered every message they had missed. */
  readonly resumed: number;
  /** Messages that the server itself reported as gone (`room:gap`, `recovered: false`). */
  readonly reportedGone: number;
  /** Pairs of messages that two members got in different orders, from a server that does not promise one order. */
  readonly reordered?: number;
}

export interface Latencies {
  /** From the intended time of a message to its delivery, over all measured receivers. */
  readonly delivered: LatencySummary;
  /** From the intended time to the ack. */
  readonly acked: LatencySummary;
  /** From dialling to being in the room. */
  readonly joined: LatencySummary;
}

export interface LatencySummary {
  readonly count: number;
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
  /** The curve from p0 on: a row for each change, at most some hundred. */
  readonly percentiles: readonly { readonly percentile: number; readonly ms: number }[];
  /** In µs, in the compressed base64 of HdrHistogram V2. */
  readonly histogram: string;
}

/** One second of the run; the last may be shorter. */
export interface SecondFigures {
  /** Its end. */
  readonly atMs: number;
  readonly tookMs: number;
  readonly phase: Phase;
  /** Connected and in their rooms at its end. */
  readonly connected: number;
  readonly said: number;
  readonly acked: number;
  readonly refused: Readonly<Record<string, number>>;
  readonly delivered: number;
  /** Undefined if nothing was measured in this second. */
  readonly p50Ms?: number;
  readonly p99Ms?: number;
  readonly maxMs?: number;
  readonly ackP50Ms?: number;
  readonly ackP99Ms?: number;
  /** Due at the end of the second, and held back behind unanswered ones. */
  readonly backlog: number;
  readonly cut: number;
  readonly wrong: number;
  readonly driverLagP99Ms: number;
  readonly driverCores: number;
  /** The memory of all driver processes together: flat over a run of hours. */
  readonly driverRssBytes: number;
  /** Undefined unless the processes of the servers can be read. */
  readonly serverCores?: number;
}

/**
 * `ramp`: clients connect; `load`: they talk; `idle`: the other server of `--vs` has its turn; `settle`: the driver
 * waits for what was said to arrive.
 */
export type Phase = 'ramp' | 'load' | 'idle' | 'settle';

/** The part of the work that one server did: a URL, and a worker behind it if the server names it. */
export interface ServerShare {
  readonly url: string;
  readonly worker?: number;
  /** Connected to it at the end of the load. */
  readonly clients: number;
  readonly delivered: number;
  readonly acked: number;
  readonly refused: number;
}

/** A fault that the run injected, for the time line. */
export interface FaultMark {
  /** Its name as it was given: `kill-worker@20s`. */
  readonly name: string;
  readonly fromMs: number;
  /** The same as `fromMs` for a fault without a length. */
  readonly toMs: number;
  /** The process it was done to. */
  readonly detail: string;
}

/** The driver's own fitness: a late driver must not blame the server. */
export interface DriverFigures {
  readonly processes: number;
  readonly cpuMs: number;
  readonly cpuUsPerDelivery: number;
  /** From the time a message was due to the time it was sent, where no unanswered one held it back. */
  readonly scheduleLagP99Ms: number;
  readonly scheduleLagMaxMs: number;
  /** The lateness of the driver's event loops. */
  readonly loopDelayP99Ms: number;
  readonly loopDelayMaxMs: number;
  readonly rssBytes: number;
}

export interface StepFigures {
  /** Said per second, as intended. */
  readonly offeredPerS: number;
  readonly saidPerS: number;
  readonly ackedPerS: number;
  readonly deliveredPerS: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** 0 to 1. */
  readonly errorShare: number;
  readonly driverCores: number;
  /** CPU of the servers' processes on this machine; undefined unless they can be read. */
  readonly serverCores?: number;
  readonly serverUsPerDelivery?: number;
  /** The limit that this step broke, in words. */
  readonly broke?: string;
}
