import { randomUUID } from 'node:crypto';
import { expect, onTestFinished } from 'vitest';
import type { BackendOptions } from '../../src/backend/backend.ts';
import type { Appended, Draft, Entry, LogPage, LogQuery } from '../../src/chat/log-store.ts';
import type { Room } from '../../src/chat/room.ts';
import { roomOf } from '../../src/chat/room.ts';
import type { PresenceChange, PresenceEvent, RosterChange } from '../../src/chat/roster.ts';
import type { Outcome } from '../../src/protocol/codes.ts';
import { eventually } from '../support/eventually.ts';
import type { Harness, Peer, StorePeer } from './suite.ts';

/** A message as tests read it back from an entry's JSON. */
export interface Said {
  readonly seq: number;
  readonly epoch: string;
  readonly id: string;
  readonly at: number;
  readonly roomid: string;
  readonly data: { readonly text: string };
}

export function granted<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw new Error(`refused: ${outcome.error.code}: ${outcome.error.message}`);
  return outcome.value;
}

export function newRoom(nsp = '/'): Room {
  return roomOf(nsp, `room ${randomUUID()}`);
}

export function draftOf(
  room: Room,
  text: string,
  more: Pick<Draft, 'dedupe' | 'except' | 'bounded'> = {},
): Draft {
  const message = {
    event: 'broadcast_say',
    roomid: room.roomid,
    data: { username: 'Ann', userId: 'ann', text, type: 0 },
  };
  return { id: randomUUID(), members: JSON.stringify(message).slice(1, -1), ...more };
}

export function saidIn(entry: Entry): Said {
  return JSON.parse(entry.json) as Said;
}

export function textsOf(entries: readonly Entry[]): string[] {
  return entries.map((entry) => saidIn(entry).data.text);
}

export function seqsOf(entries: readonly Entry[]): number[] {
  return entries.map((entry) => entry.seq);
}

/** `from`, `from + 1`, … `to`. */
export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

export async function append(
  peer: Pick<Peer, 'logs'>,
  room: Room,
  text: string,
  more?: Pick<Draft, 'dedupe' | 'except'>,
): Promise<Appended> {
  return granted(await peer.logs.append(room, draftOf(room, text, more)));
}

export async function read(
  peer: Pick<Peer, 'logs'>,
  room: Room,
  query: Partial<LogQuery> = {},
): Promise<LogPage> {
  return granted(await peer.logs.read(room, { limit: 200, maxBytes: 1_000_000, ...query }));
}

export function membersSaying(room: Room, text: string): string {
  return draftOf(room, text).members;
}

/** Puts another text in the place of an entry's. False: the log does not hold it. */
export async function replace(
  peer: Pick<Peer, 'logs'>,
  room: Room,
  seq: number,
  text: string,
): Promise<boolean> {
  return granted(await peer.logs.replace(room, seq, membersSaying(room, text))) !== undefined;
}

/** Subscribes and gathers what arrives. */
export interface Listening {
  readonly entries: Entry[];
  /** Who came and went. */
  readonly told: (PresenceChange | PresenceEvent)[];
  readonly close: () => void;
}

export async function listen(peer: Pick<Peer, 'bus'>, room: Room): Promise<Listening> {
  const entries: Entry[] = [];
  const told: (PresenceChange | PresenceEvent)[] = [];
  const subscription = granted(
    await peer.bus.subscribe(
      room,
      (entry) => entries.push(asRead(entry)),
      (news) => told.push(news),
    ),
  );
  return { entries, told, close: () => subscription.close() };
}

/** As a page of the log has it: its text, however it came. */
function asRead({ epoch, seq, json, except }: Entry): Entry {
  return { epoch, seq, json, ...(except === undefined ? {} : { except }) };
}

/** Waits until the last of `entries` is the message of that seq. */
export async function arrivalOf(seq: number, entries: readonly Entry[]): Promise<void> {
  await eventually(() => expect(entries.at(-1)?.seq).toBe(seq), { interval: 5 });
}

/** A fresh store with two workers, closed when the test ends. */
export async function twoPeers<P extends StorePeer>(
  harness: () => Promise<Harness<P>>,
  options?: Partial<BackendOptions>,
): Promise<{ store: Harness<P>; a: P; b: P }> {
  const store = await harness();
  onTestFinished(() => store.close());
  return { store, a: await store.open(options), b: await store.open(options) };
}

/** The counts of an enter or exit, without what it says of announcements and of the user's other connections. */
export function counted(change: Outcome<RosterChange>): Pick<RosterChange, 'users' | 'clients' | 'changed'> {
  const { users, clients, changed } = granted(change);
  return { users, clients, changed };
}
