import { describe, expect, it } from 'vitest';
import { type Claim, createIdentities, type Identity } from '../../src/chat/identity.ts';

const claim = (claimed: Claim, secret = 's') => createIdentities(secret).identify(claimed);

async function become(claimed: Claim, secret?: string): Promise<Identity> {
  const identity = await claim(claimed, secret);
  if (!identity.ok) throw new Error(identity.error.message);
  return identity.value;
}

describe('who a client is, in open mode', () => {
  it('is who it says', async () =>
    expect(await become({ userId: 'ann', username: 'Ann', avatar: '1.jpg' })).toMatchObject({
      user: { id: 'ann', name: 'Ann', avatar: '1.jpg' },
      named: true,
      known: true,
      fixed: { name: false, avatar: false },
    }));

  it('is a new guest without an id, every time another one', async () => {
    const [one, two] = await Promise.all([become({}), become({})]);
    expect(one.user.id).toMatch(/^g-/);
    expect(one.user.name).toMatch(/^guest-[0-9a-f]{4}$/);
    expect(one.user.id).not.toBe(two.user.id);
    expect(one).toMatchObject({ named: false, known: false });
  });

  it('is the same guest again with the token, on any worker that shares the secret', async () => {
    const { user, guestToken } = await become({ username: 'Ann' });
    const again = await become({ userId: user.id, guestToken: guestToken as string });
    expect(again).toMatchObject({ user: { id: user.id }, known: true });
  });

  it.each([undefined, '', 'x', 'y'.repeat(43)])(
    'is not another guest with the token %j',
    async (guestToken) => {
      const refused = await claim({ userId: 'g-0011', ...(guestToken === undefined ? {} : { guestToken }) });
      expect(refused).toMatchObject({ ok: false, error: { code: 'forbidden' } });
    },
  );

  it('is not another guest with a token of another cluster', async () => {
    const { user, guestToken } = await become({}, 'other');
    const refused = await claim({ userId: user.id, guestToken: guestToken as string });
    expect(refused).toMatchObject({ ok: false, error: { code: 'forbidden' } });
  });

  it('may be somebody else from some time on, but no guest by saying so', async () => {
    const { login } = createIdentities('s');
    const guest = await become({});
    const ann = login(guest, 'ann');
    expect(ann).toMatchObject({ ok: true, value: { user: { id: 'ann' }, known: true } });
    expect(ann.ok && ann.value.guestToken).toBeUndefined();
    expect(login(guest, 'g-0011')).toMatchObject({ ok: false, error: { code: 'forbidden' } });
    expect(login(guest, guest.user.id)).toMatchObject({ ok: true, value: { guestToken: guest.guestToken } });
  });

  it('keeps the name it chose when it becomes somebody else, and gets theirs if it chose none', async () => {
    const { login } = createIdentities('s');
    expect(login(await become({ username: 'Ann' }), 'a1')).toMatchObject({
      value: { user: { name: 'Ann' } },
    });
    const nameless = await become({ userId: 'a1' });
    expect(login(await become({}), 'a1')).toMatchObject({ value: { user: { name: nameless.user.name } } });
  });

  it('has nothing to refresh, and may use every room for as long as it likes', async () => {
    const guest = await become({});
    expect(await createIdentities('s').refresh(guest, 'x')).toMatchObject({ error: { code: 'bad_request' } });
    expect(guest.access.allows('any')).toBe(true);
    expect(guest.access.expiresAt).toBeUndefined();
  });
});
