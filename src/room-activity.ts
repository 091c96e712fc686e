/** A room as one worker sees it: its own members only. */
export interface ActiveRoom {
  readonly nsp: string;
  readonly roomid: string;
  /** Connections of this worker in the room. */
  readonly clients: number;
  /** Messages per second that were written to them. */
  readonly messages: number;
  /** Messages per second times the connections they were written to. */
  readonly deliveries: number;
}

/** The report of a worker on its rooms while somebody looks at the operator's page. */
export interface RoomActivity {
  /** The release that the worker is of. */
  readonly version: string;
  /** The rooms by connections, most first. */
  readonly largest: readonly ActiveRoom[];
  /** The rooms by deliveries, most first; empty at the first question, from which on the worker counts. */
  readonly busiest: readonly ActiveRoom[];
}

/** So many rooms of each kind: the page shows fewer, and a room's parts on several workers are added up. */
export const REPORTED_ROOMS = 50;
