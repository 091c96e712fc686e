import type { ClusterNode } from './cluster-nodes.ts';
import { SLOTS, slotOf, tagIn } from './hash-slots.ts';

export interface SlotOwners<O extends object> {
  of(slot: number): O | undefined;
  /** Returns whether any of the slots changed hands. */
  assign(owner: O, ranges: ClusterNode['slots'], configEpoch: number): boolean;
  /** The owner itself lists these slots and no others: any epoch takes it the others. */
  keepOnly(owner: O, ranges: ClusterNode['slots']): void;
  /** The owner itself said that it does not have the slot. */
  release(slot: number): void;
  has(owner: O): boolean;
  /** Every slot has an owner. */
  complete(): boolean;
  /** Returns a hash tag whose slot has such an owner: `previous` if it still does and is not `avoided`. */
  tagAt(isOwner: (owner: O) => boolean, previous: string | undefined, avoided?: string): string | undefined;
}

/**
 * The master of each slot. A node that was cut off may still list a slot as it was, so a slot changes hands only for a higher
 * configuration epoch, or once its owner itself no longer claims it: epochs begin anew in a cluster that is built anew at the
 * same addresses.
 */
export function createSlotOwners<O extends object>(): SlotOwners<O> {
  const owners = new Array<O | undefined>(SLOTS).fill(undefined);
  const epochs = new Float64Array(SLOTS).fill(-1);
  const counts = new WeakMap<O, number>();

  function assignOne(owner: O, slot: number, configEpoch: number): boolean {
    const known = epochs[slot] ?? -1;
    const previous = owners[slot];
    if (configEpoch < known || (configEpoch === known && owner !== previous)) return false;
    epochs[slot] = configEpoch;
    if (owner === previous) return false;
    owners[slot] = owner;
    counts.set(owner, countOf(owner) + 1);
    if (previous) counts.set(previous, countOf(previous) - 1);
    return true;
  }

  const countOf = (owner: O) => counts.get(owner) ?? 0;

  return {
    of: (slot) => owners[slot],
    assign(owner, ranges, configEpoch) {
      let moved = false;
      for (const [from, to] of ranges) {
        for (let slot = from; slot <= to; slot += 1) {
          if (assignOne(owner, slot, configEpoch)) moved = true;
        }
      }
      return moved;
    },
    keepOnly(owner, ranges) {
      if (countOf(owner) === 0) return;
      const kept = new Uint8Array(SLOTS);
      for (const [from, to] of ranges) kept.fill(1, from, to + 1);
      for (let slot = 0; slot < SLOTS; slot += 1) {
        if (owners[slot] === owner && kept[slot] === 0) epochs[slot] = -1;
      }
    },
    release: (slot) => {
      epochs[slot] = -1;
    },
    has: (owner) => countOf(owner) > 0,
    complete: () => owners.every((owner) => owner !== undefined),
    tagAt(isOwner, previous, avoided) {
      const avoidedSlot = avoided === undefined ? undefined : slotOf(avoided);
      const isOwn = (slot: number) => {
        const owner = owners[slot];
        return slot !== avoidedSlot && owner !== undefined && isOwner(owner);
      };
      if (previous !== undefined && isOwn(slotOf(previous))) return previous;
      return owners.some((_, slot) => isOwn(slot)) ? tagIn(isOwn) : undefined;
    },
  };
}
