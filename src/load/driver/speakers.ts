import type { Random } from '../random.ts';
import { createEvenMix, EVEN_STEPS } from './even-mix.ts';
import type { Sender } from './sender.ts';

/** Chooses who speaks next. */
export interface Speakers {
  next(): Sender | undefined;
  /** Another one, because so many that were chosen may not speak now. */
  instead(tries: number): Sender | undefined;
}

/** By turns if all say alike, else in proportion to their weights. */
export function createSpeakers(senders: readonly Sender[], random: Random): Speakers {
  return senders.every(({ weight }) => weight === senders[0]?.weight)
    ? byTurns(shuffled(senders, random))
    : byWeight(senders, random);
}

function byTurns(senders: readonly Sender[]): Speakers {
  let turn = 0;
  function next(): Sender | undefined {
    turn = (turn + 1) % senders.length;
    return senders[turn];
  }
  return { next, instead: next };
}

/** Another member of the same room speaks instead, so that each room keeps its part. */
function byWeight(senders: readonly Sender[], random: Random): Speakers {
  const rooms = new Map<string, Sender[]>();
  for (const sender of senders) {
    const members = rooms.get(sender.room);
    if (members === undefined) rooms.set(sender.room, [sender]);
    else members.push(sender);
  }
  const ordered: Sender[] = [];
  /** The place of each one's room. */
  const places: { readonly start: number; readonly length: number }[] = [];
  for (const members of rooms.values()) {
    const place = { start: ordered.length, length: members.length };
    for (const member of members) {
      ordered.push(member);
      places.push(place);
    }
  }
  const mix = createEvenMix(
    ordered.map(({ weight }) => weight),
    EVEN_STEPS[0],
    random.fraction(),
  );
  let chosen = 0;
  return {
    next() {
      chosen = mix();
      return ordered[chosen];
    },
    instead(tries) {
      const place = places[chosen];
      if (place !== undefined && tries < place.length)
        return ordered[place.start + ((chosen - place.start + tries) % place.length)];
      return ordered[(chosen + tries) % ordered.length];
    },
  };
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const mixed = [...items];
  for (let at = mixed.length - 1; at > 0; at -= 1) {
    const other = random.below(at + 1);
    [mixed[at], mixed[other]] = [mixed[other] as T, mixed[at] as T];
  }
  return mixed;
}
