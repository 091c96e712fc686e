/** The content of the operator's page, as `GET /view.json` answers it. It names no user and has no text of a message. */
export interface HostView {
  /** Ms since 1970. */
  readonly at: number;
  readonly host: string;
  readonly primary: { readonly pid: number; readonly version: string; readonly startedAt: number };
  readonly cluster: ClusterView | { readonly error: string };
  readonly hosts: readonly { readonly name: string; readonly workers: number; readonly clients: number }[];
  readonly workers: readonly WorkerView[];
  readonly store: StoreView;
  readonly series: Series;
  readonly refused: readonly Count[];
  /** Faults that were mended, and clients that were sent away. */
  readonly counts: readonly Count[];
  readonly rooms: RoomsView;
  /** Newest first. */
  readonly events: readonly HostEvent[];
}

export interface ClusterView {
  readonly hosts: number;
  readonly workers: number;
  readonly clients: number;
  readonly users: number;
  readonly rooms: number;
}

export interface WorkerView {
  readonly slot: number;
  /** 0 while no process runs. */
  readonly pid: number;
  readonly port: number;
  readonly state: string;
  readonly clients: number;
  readonly rooms: number;
  readonly loopDelayMs: number;
  readonly rssBytes: number;
  /** Workers of this slot that ended unasked and were replaced. */
  readonly restarts: number;
  /** Absent until the worker has told it; one of an earlier release does not. */
  readonly version?: string;
  /** The cause of the end of the slot's last worker, if it could not serve. */
  readonly reason?: string;
}

export interface StoreView {
  readonly kind: 'Redis' | 'embedded';
  readonly up: boolean;
  /** The time of the last check, which the primary makes while somebody looks. */
  readonly checkMs: number;
  readonly error?: string;
  /** The servers that are away while others serve. */
  readonly away: readonly string[];
  readonly warnings: readonly string[];
}

/** The lines of the charts. Each list has one number for each time; null where nothing was measured. */
export interface Series {
  /** Ms since 1970. */
  readonly at: readonly number[];
  /** Per second. */
  readonly acks: readonly number[];
  readonly deliveries: readonly number[];
  readonly refusals: readonly number[];
  /** Times in ms. `ack`: until the store has a message; `wait`: until a message that arrived is written to the members. */
  readonly ackP50: readonly (number | null)[];
  readonly ackP99: readonly (number | null)[];
  readonly waitP50: readonly (number | null)[];
  readonly waitP99: readonly (number | null)[];
  readonly storeP50: readonly (number | null)[];
  readonly storeP99: readonly (number | null)[];
  readonly clients: readonly number[];
  /** The largest of the workers. */
  readonly loopDelayMs: readonly number[];
}

export interface Count {
  readonly name: string;
  /** In the time that the charts show. */
  readonly recent: number;
  /** Since the primary started. */
  readonly total: number;
}

export interface RoomView {
  readonly nsp: string;
  readonly roomid: string;
  /** Connections on the workers of this host. */
  readonly clients: number;
  /** Per second. */
  readonly messages: number;
  readonly deliveries: number;
}

export interface RoomsView {
  readonly largest: readonly RoomView[];
  readonly busiest: readonly RoomView[];
  /** Workers whose rooms are missing in these lists. */
  readonly missing: readonly { readonly slot: number; readonly reason: string }[];
}

export interface HostEvent {
  /** Ms since 1970. */
  readonly at: number;
  readonly level: 'info' | 'warning' | 'error';
  readonly slot?: number;
  readonly pid?: number;
  readonly text: string;
}
