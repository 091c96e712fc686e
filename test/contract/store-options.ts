import type { BackendOptions } from '../../src/backend/backend.ts';

/** What both stores are opened with; each adds where its data is. */
export const STORE_OPTIONS = {
  keyPrefix: 'rc',
  historySize: 1_000,
  historyTtlS: 3_600,
  inboxSize: 1_000,
  inboxTtlS: 3_600,
  maxRoomClients: 0,
  dedupeTtlS: 600,
  rateAdmit: 0,
} satisfies Partial<BackendOptions>;
