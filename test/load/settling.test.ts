import { describe, expect, it } from 'vitest';
import type { Client } from '../../src/load/driver/client.ts';
import { settle } from '../../src/load/driver/settling.ts';

const client = (state: { joined: boolean; isDialled?: boolean }) =>
  ({
    spec: { id: 1, port: 1, room: 'tea', role: 'member' },
    isDialled: true,
    stalled: false,
    gone: false,
    lacks: () => 0,
    end: () => undefined,
    ...state,
  }) as unknown as Client;
const settled = (clients: readonly Client[]) =>
  settle({ clients, returning: true, tops: {}, privateCheck: undefined, limitMs: 30 });

describe('the end of a load run', () => {
  it('counts the clients that are still on their way in', async () => {
    expect(await settled([client({ joined: true }), client({ joined: false })])).toEqual({
      overdue: 0,
      absent: 1,
    });
  });

  it('does not wait for clients that were never dialled', async () => {
    const never = client({ joined: false, isDialled: false });
    expect(await settled([client({ joined: true }), never])).toEqual({ overdue: 0, absent: 0 });
  });
});
