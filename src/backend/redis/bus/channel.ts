import type { Entry } from '../../../chat/log-store.ts';
import type { PresenceChange, PresenceEvent } from '../../../chat/roster.ts';
import type { Waiters } from '../connection/waiters.ts';

export type RawListener = (frame: Buffer, channel: Buffer) => void;

export interface ChannelSubscription {
  /** Resolves with true once all later messages of the channel arrive, or with false after that time. */
  established(withinMs: number): Promise<boolean>;
  /** Stops the delivery to the listener at once. */
  close(): void;
}

type State = 'off' | 'subscribing' | 'on' | 'unsubscribing';

/** Every connected user has one, so the fields that few channels need exist only while they are needed. */
export class Channel {
  readonly name: string;
  first: Listener | undefined = undefined;
  /** Beside the first one. */
  others: Set<Listener> | undefined = undefined;
  onFrame: RawListener | undefined = undefined;
  state: State = 'off';
  /** Lost, and not back yet: messages may have been missed. */
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

  /** False if it was not there. */
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

/** The subscriptions a listener belongs to. */
export interface ListenerOwner {
  established(channel: Channel, withinMs: number): Promise<boolean>;
  remove(listener: Listener): void;
}

export class Listener implements ChannelSubscription {
  /** Changes with the channel, when another server takes it over. */
  owner: ListenerOwner;
  channel: Channel;
  readonly onEntry: (entry: Entry) => void;
  readonly onPresence: ((presence: PresenceChange | PresenceEvent) => void) | undefined;

  constructor(
    owner: ListenerOwner,
    channel: Channel,
    onEntry: Listener['onEntry'],
    onPresence: Listener['onPresence'],
  ) {
    this.owner = owner;
    this.channel = channel;
    this.onEntry = onEntry;
    this.onPresence = onPresence;
  }

  established(withinMs: number): Promise<boolean> {
    return this.owner.established(this.channel, withinMs);
  }

  close(): void {
    this.owner.remove(this);
  }
}
