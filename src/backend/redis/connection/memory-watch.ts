import { fieldOf } from './info.ts';

/*
 * A Redis that is full refuses every write, of everybody. So while it is nearly full, workers write no new logs of people there:
 * a room that never had a message, or the inbox of a user who was never there. Between the two shares the last state stays.
 */

/** Parts of maxmemory. */
const NEARLY_FULL = 0.85;
const RELIEVED = 0.8;

export interface MemoryWatch {
  /** Takes the section `memory` of INFO. */
  note(info: string): void;
  isNearlyFull(): boolean;
}

export function createMemoryWatch(onChange: (isNearlyFull: boolean) => void = () => undefined): MemoryWatch {
  let isNearlyFull = false;
  return {
    note(info) {
      const number = (field: string) => Number(fieldOf(info, field) ?? 0);
      const most = number('maxmemory');
      // Redis counts neither the buffers of its replicas nor that of its append-only file.
      const share = most > 0 ? (number('used_memory') - number('mem_not_counted_for_evict')) / most : 0;
      const next = share > (isNearlyFull ? RELIEVED : NEARLY_FULL);
      if (next === isNearlyFull) return;
      isNearlyFull = next;
      onChange(next);
    },
    isNearlyFull: () => isNearlyFull,
  };
}

export const NEARLY_FULL_REDIS = `Redis uses more than ${NEARLY_FULL * 100} % of its maxmemory: until it is below ${RELIEVED * 100} %, rooms that never had a message and inboxes of users who were never there take none from people, and a full Redis refuses every message. Raise maxmemory, or lower HISTORY_SIZE and HISTORY_TTL_S.`;
