import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  type Credentials,
  createIdentities,
  guestCreatedAt,
  type Identity,
} from '../../src/chat/identity.ts';

let nowMs = 1_700_000_000_000;
const claim = (claimed: Credentials, secret = 's') => createIdentities(secret, () => nowMs).identify(claimed);

async function become(claimed: Credentials, secret?: string): Promise<Identity> {
  const identity = await claim(claimed, secret);
  if (!identity.ok) throw new Error(identity.error.message);
  return identity.value;
}

describe('who a client is, in open mode', () => {
  it('has the user id that it claims', async () =>
    expect(await become({ userId: 'ann', username: 'Ann', avatar: '1.jpg' })).toMatchObject({
      user: { id: 'ann', name: 'Ann', avatar: '1.jpg' },
      named: true,
      known: true,
      fixed: { name: false, avatar: false },
    }));

  it('is a new guest without an id, a different one each time', async () => {
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

  it('has a token that states when the guest was created, over reconnects too', async () => {
    const { user, guestToken } = await become({});
    const madeAt = nowMs;
    nowMs += 60_000;
    const again = await become({ userId: user.id, guestToken: guestToken as string });
    expect([again.guestToken, guestCreatedAt(guestToken as string)]).toEqual([guestToken, madeAt]);
    const older = `${(madeAt - 1).toString(36)}${guestToken?.slice(guestToken.indexOf('.'))}`;
    expect(await claim({ userId: user.id, guestToken: older })).toMatchObject({
      error: { code: 'forbidden' },
    });
  });

  it('is the same guest with a token of before tokens had times', async () => {
    const guestToken = createHmac('sha256', 's').update('guest\0g-0011').digest('base64url');
    expect(await become({ userId: 'g-0011', guestToken })).toMatchObject({ known: true, guestToken });
    expect(guestCreatedAt(guestToken)).toBe(0);
  });

  it.each([undefined, '', 'x', 'y'.repeat(43), '.', `0.${'y'.repeat(43)}`])(
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

  it('may log in as another user later, but claims no guest id without its token', async () => {
    const { login } = createIdentities('s', () => nowMs);
    const guest = await become({});
    const ann = login(guest, 'ann');
    expect(ann).toMatchObject({ ok: true, value: { user: { id: 'ann' }, known: true } });
    expect(ann.ok && ann.value.guestToken).toBeUndefined();
    expect(login(guest, 'g-0011')).toMatchObject({ ok: false, error: { code: 'forbidden' } });
    expect(login(guest, guest.user.id)).toMatchObject({ ok: true, value: { guestToken: guest.guestToken } });
  });

  it('keeps its chosen name when it logs in as another user, and gets that user’s name if it chose none', async () => {
    const { login } = createIdentities('s', () => nowMs);
    expect(login(await become({ username: 'Ann' }), 'a1')).toMatchObject({
      value: { user: { name: 'Ann' } },
    });
    const nameless = await become({ userId: 'a1' });
    expect(login(await become({}), 'a1')).toMatchObject({ value: { user: { name: nameless.user.name } } });
  });

  it('has nothing to refresh, and may use every room for as long as it likes', async () => {
    const guest = await become({});
    expect(await createIdentities('s', () => nowMs).refresh(guest, 'x')).toMatchObject({
      error: { code: 'bad_request' },
    });
    expect(guest.access.rightsIn('any')).toEqual(['read', 'say', 'react']);
    expect(guest.access.expiresAt).toBeUndefined();
  });
});
