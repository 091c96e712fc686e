import type { NewRecord } from './recorder.ts';

/** One client of the crowd, whatever it is built on. It records all it does and gets. */
export interface Chatter {
  readonly joined: boolean;
  /** Messages whose fate it does not know yet. */
  readonly pending: number;
  say(roomid: string, id: string, text: string): void;
  close(): void;
}

export interface ChatterOptions {
  readonly url: string;
  readonly name: string;
  readonly rooms: readonly string[];
  readonly record: (record: NewRecord) => void;
  readonly count: (what: Effect) => void;
  /** It got a message that was stored at that time (ms since 1970). */
  readonly onDelivered: (source: 'live' | 'replay' | 'history', at: number) => void;
  /** It was told in the room that this member came or went. */
  readonly onPresence: (name: string, event: 'join' | 'broadcast_quit', roomid: string) => void;
}

/** What a fault does to clients; a run without any of it proves nothing. */
export type Effect =
  | 'connectionsLost'
  | 'retries'
  | 'refused'
  | 'duplicateAcks'
  | 'repeatsDropped'
  | 'unrecovered'
  /** Told of a member who was reachable all the time that it came or went. */
  | 'falsePresence'
  /** The same of a member whose connection stood, but who had heard nothing for the grace time. */
  | 'unheardPresence';
