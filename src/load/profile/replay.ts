import type { ReplayConfig, RoomSize } from '../result.ts';
import type { Profile } from './profile.ts';

/** The size of a replay. */
export interface ReplaySize {
  readonly clients: number;
  readonly rooms: number;
}

export interface TextLimits {
  readonly minBytes: number;
  readonly maxBytes: number;
}

/** A fan-out that differs by no more is not worth a word. */
const CLOSE = 0.02;
const MAX_EXPONENT = 8;
const STEPS = 60;

/** The clients and rooms that a profile has: a client of several rooms counts in each. */
export function sizeOf({ rooms }: { readonly rooms: readonly RoomSize[] }): ReplaySize {
  return {
    clients: rooms.reduce((sum, size) => sum + size.clients * size.rooms, 0),
    rooms: rooms.reduce((sum, size) => sum + size.rooms, 0),
  };
}

/** Rooms in the proportions of a curve, but so many, and with so many clients in all; each has one at least. */
export function roomSizes(curve: readonly RoomSize[], { clients, rooms }: ReplaySize): RoomSize[] {
  const sorted = [...curve].sort((one, other) => other.clients - one.clients);
  const all = sizeOf({ rooms: sorted });
  const ideal: number[] = [];
  let at = 0;
  let passed = 0;
  for (let room = 0; room < rooms; room += 1) {
    const place = ((room + 0.5) / rooms) * all.rooms;
    while (at < sorted.length - 1 && passed + (sorted[at] as RoomSize).rooms <= place) {
      passed += (sorted[at] as RoomSize).rooms;
      at += 1;
    }
    ideal.push((sorted[at] as RoomSize).clients);
  }
  const total = ideal.reduce((sum, size) => sum + size, 0);
  // One client of each room is given, so that the rest can be shared out without a room becoming empty.
  const spare = clients - rooms;
  const sizes: number[] = [];
  let shared = 0;
  let given = 0;
  for (const size of ideal) {
    shared += total === rooms ? spare / rooms : (spare * (size - 1)) / (total - rooms);
    const own = Math.round(shared) - given;
    given += own;
    sizes.push(1 + own);
  }
  return curveOf(sizes);
}

function curveOf(sizes: readonly number[]): RoomSize[] {
  const counts = new Map<number, number>();
  for (const size of sizes) counts.set(size, (counts.get(size) ?? 0) + 1);
  return [...counts].sort(([one], [other]) => other - one).map(([clients, rooms]) => ({ clients, rooms }));
}

/** The members that a message reaches, if what a room says grows with this power of its clients. */
export function fanOut(curve: readonly RoomSize[], exponent: number): number {
  const largest = Math.max(...curve.map(({ clients }) => clients));
  let said = 0;
  let delivered = 0;
  for (const { clients, rooms } of curve) {
    // Relative to the largest room: the powers of thousands would leave the numbers.
    const weight = rooms * (clients / largest) ** exponent;
    said += weight;
    delivered += weight * clients;
  }
  return delivered / said;
}

/** The exponent with which a message reaches so many members, or comes as close as the rooms allow. */
export function talkExponent(curve: readonly RoomSize[], wanted: number): number {
  if (curve.length < 2) return 1;
  let low = -MAX_EXPONENT;
  let high = MAX_EXPONENT;
  for (let step = 0; step < STEPS; step += 1) {
    const middle = (low + high) / 2;
    if (fanOut(curve, middle) < wanted) low = middle;
    else high = middle;
  }
  return Number(((low + high) / 2).toFixed(6));
}

/** A length for each bucket of lengths, within it, so that the mean of all is the profile's. */
export function textSizes(
  { meanBytes, buckets }: Profile['texts'],
  { minBytes, maxBytes }: TextLimits,
): NonNullable<ReplayConfig['textSizes']> {
  const ends = buckets.map(({ upTo }) => upTo ?? maxBytes);
  const within = (part: number) =>
    buckets.map(({ share }, index) => {
      const end = ends[index] as number;
      const start = Math.min(end, (ends[index - 1] ?? 0) + 1);
      const bytes = Math.round(start + part * (end - start));
      return { bytes: Math.min(maxBytes, Math.max(minBytes, bytes)), share };
    });
  let low = 0;
  let high = 1;
  for (let step = 0; step < STEPS; step += 1) {
    const middle = (low + high) / 2;
    if (meanOf(within(middle)) < meanBytes) low = middle;
    else high = middle;
  }
  const merged = new Map<number, number>();
  for (const { bytes, share } of within((low + high) / 2))
    if (share > 0) merged.set(bytes, (merged.get(bytes) ?? 0) + share);
  return [...merged].map(([bytes, share]) => ({ bytes, share }));
}

export function meanOf(sizes: readonly { readonly bytes: number; readonly share: number }[]): number {
  const all = sizes.reduce((sum, { share }) => sum + share, 0);
  return all === 0 ? 0 : sizes.reduce((sum, { bytes, share }) => sum + bytes * share, 0) / all;
}

/** Names the parts of a profile that a run cannot repeat, a sentence each. */
export function replayNotes(
  profile: Profile,
  { textSizes: texts, roomSizes: rooms, talkExponent: exponent }: ReplayConfig,
  { minBytes }: TextLimits,
): string[] {
  const notes: string[] = [];
  const { clients, rooms: curve } = profile;
  const inRooms = sizeOf({ rooms: curve }).clients;
  const apart = (one: number, other: number, by: number) => Math.abs(one - other) > by * other;
  if (apart(inRooms, clients, 0.1))
    notes.push(
      `the profile has ${round(clients)} connections and ${inRooms} places in rooms, as clients are in several rooms or in none: ` +
        'here each client is in one',
    );
  const { connectsPerS, disconnectsPerS } = profile;
  if (apart(connectsPerS, disconnectsPerS, 0.1) && Math.max(connectsPerS, disconnectsPerS) > 0.1)
    notes.push(
      `${round(connectsPerS)} clients came and ${round(disconnectsPerS)} went per second: here as many come as go, their mean`,
    );
  const mean = texts === undefined ? undefined : meanOf(texts);
  if (mean !== undefined && apart(mean, profile.texts.meanBytes, CLOSE))
    notes.push(
      `texts have ${round(mean)} bytes in the mean and not ${round(profile.texts.meanBytes)}: a checked text needs ${minBytes}`,
    );
  if (rooms !== undefined && exponent !== undefined) {
    const wanted = wantedFanOut(profile, rooms);
    const reached = fanOut(rooms, exponent);
    if (apart(reached, wanted, CLOSE))
      notes.push(
        `a message reaches ${round(reached)} members and not ${round(wanted)}, which rooms of these sizes cannot give`,
      );
  }
  return notes;
}

/** The members that a message of the profile reaches, if its rooms had these sizes. */
export function wantedFanOut(
  { deliveriesPerS, saysPerS, rooms }: Profile,
  curve: readonly RoomSize[],
): number {
  const mean = (sizes: readonly RoomSize[]) => {
    const { clients, rooms: count } = sizeOf({ rooms: sizes });
    return clients / count;
  };
  return ((deliveriesPerS / saysPerS) * mean(curve)) / mean(rooms);
}

function round(value: number): string {
  return String(Number(value.toPrecision(3)));
}
