import type { Entry } from '../../../chat/log-store.ts';
import type { PresenceChange, PresenceMove } from '../../../chat/roster.ts';
import type { Waiters } from '../connection/waiters.ts';

export type RawListener = (frame: Buffer, channel: Buffer) => void;

export interface Listening {
  /** True once every later message of the channel arrives; false if it was not so within that time. */
  established(withinMs: number): Promise<boolean>;
  /** The listener hears nothing from now on. */
  close(): void;
}

type State = 'off' | 'subscribing' | 'on' | 'unsubscribing';

/** There is one for every connected user: what few channels need exists only while it is needed. */
export class Channel {
  readonly name: string;
  first: Listener | undefined = undefined;
  /** Beside the first one. */
  others: Set<Listener> | undefined = undefined;
  onFrame: RawListener | undefined = undefined;
  state: State = 'off';
  /** Taken away by the server: who listens is told once it is back. */
  missed = false;
  /** When the last listener left. */
  idleSinceMs: number | undefined = undefined;
  waiters: Waiters | undefined = undefined;

  constructor(name: string) {
    this.name = name;
  }

  add(listener: Listener): void {
    if (this.first) this.others = (this.others ?? new Set()).add(listener);
    else this.first = listener;
  }

  /** False: it was not there. */
  delete(listener: Listener): boolean {
    if (this.first !== listener) return this.others?.delete(listener) ?? false;
    this.first = undefined;
    return true;
  }

  listeners(): Listener[] {
    return [...(this.first ? [this.first] : []), ...(this.others ?? [])];
  }

  wanted(): boolean {
    return this.first !== undefined || this.onFrame !== undefined || (this.others?.size ?? 0) > 0;
  }
}

/** What a listener asks of the subscriptions it belongs to. */
export interface Machine {
  established(channel: Channel, withinMs: number): Promise<boolean>;
  unlisten(listener: Listener): void;
}

export class Listener implements Listening {
  readonly machine: Machine;
  readonly channel: Channel;
  readonly onEntry: (entry: Entry) => void;
  readonly onPresence: ((told: PresenceChange | PresenceMove) => void) | undefined;

  constructor(
    machine: Machine,
    channel: Channel,
    onEntry: Listener['onEntry'],
    onPresence: Listener['onPresence'],
  ) {
    this.machine = machine;
    this.channel = channel;
    this.onEntry = onEntry;
    this.onPresence = onPresence;
  }

  established(withinMs: number): Promise<boolean> {
    return this.machine.established(this.channel, withinMs);
  }

  close(): void {
    this.machine.unlisten(this);
  }
}
