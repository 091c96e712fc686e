import { describe, expect, it } from 'vitest';
import { createIdentities } from '../../src/chat/identity.ts';

function claim(claimed: Parameters<ReturnType<typeof createIdentities>['identify']>[0], secret = 's') {
  return createIdentities(secret).identify(claimed);
}

describe('who a client is, in open mode', () => {
  it('is who it says', () =>
    expect(claim({ userId: 'ann', username: 'Ann' })).toEqual({
      ok: true,
      value: { user: { id: 'ann', name: 'Ann' }, named: true },
    }));

  it('is a new guest without an id, every time another one', () => {
    const [one, two] = [claim({}), claim({})];
    if (!one.ok || !two.ok) throw new Error('refused');
    expect(one.value.user.id).toMatch(/^g-/);
    expect(one.value.user.name).toMatch(/^guest-[0-9a-f]{4}$/);
    expect(one.value.user.id).not.toBe(two.value.user.id);
  });

  it('is the same guest again with the token, on any worker that shares the secret', () => {
    const guest = claim({ username: 'Ann' });
    if (!guest.ok) throw new Error('refused');
    const { user, guestToken } = guest.value;
    const again = claim({ userId: user.id, guestToken: guestToken as string });
    expect(again).toMatchObject({ ok: true, value: { user: { id: user.id } } });
  });

  it.each([undefined, '', 'x', 'y'.repeat(43)])('is not another guest with the token %j', (guestToken) => {
    const refused = claim({ userId: 'g-0011', ...(guestToken === undefined ? {} : { guestToken }) });
    expect(refused).toMatchObject({ ok: false, error: { code: 'forbidden' } });
  });

  it('is not another guest with a token of another cluster', () => {
    const guest = claim({}, 'other');
    if (!guest.ok) throw new Error('refused');
    const token = guest.value.guestToken as string;
    expect(claim({ userId: guest.value.user.id, guestToken: token })).toMatchObject({ ok: false });
  });
});
