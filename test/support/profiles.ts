import type { Profile } from '../../src/load/profile/profile.ts';

/** A small room speaks more than the large one, texts are of many lengths, clients poll, leave, and write to one user. */
export const UNEVEN: Profile = {
  format: 1,
  tool: { name: 'roomcast', version: '0' },
  takenAt: '2026-01-01T00:00:00.000Z',
  sampledMs: 60_000,
  clients: 40,
  pollingShare: 0.25,
  saysPerS: 45,
  privatePerS: 5,
  // A message reaches 7 members; with all clients speaking alike it would reach 12.7.
  deliveriesPerS: 45 * 7,
  connectsPerS: 2,
  disconnectsPerS: 2,
  texts: {
    meanBytes: 220,
    buckets: [
      { upTo: 96, share: 0.6 },
      { upTo: 256, share: 0.2 },
      { upTo: 512, share: 0.15 },
      { upTo: 2_048, share: 0.05 },
      { upTo: null, share: 0 },
    ],
  },
  rooms: [
    { clients: 20, rooms: 1 },
    { clients: 8, rooms: 1 },
    { clients: 4, rooms: 2 },
    { clients: 2, rooms: 2 },
  ],
};
