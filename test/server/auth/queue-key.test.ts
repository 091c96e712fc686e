import { expect, test } from 'vitest';
import { type Credentials, createIdentities } from '../../../src/chat/identity.ts';
import { queueKeyOf } from '../../../src/server/auth/queue-key.ts';
import { granted } from '../../contract/peers.ts';

const identities = createIdentities('secret', () => 0);

interface Connect extends Credentials {
  readonly connectId?: string;
  readonly roomid?: string;
  readonly browser?: string;
  readonly address?: string | undefined;
}

async function connect({ connectId, roomid, browser = 'Firefox', address, ...claim }: Connect) {
  const identity = granted(await identities.identify(claim));
  const accepted = {
    identity,
    moves: false,
    older: false,
    ...(connectId && { connectId }),
    ...(roomid && { roomid }),
  };
  return { identity, keyOf: queueKeyOf({ accepted, headers: { 'user-agent': browser }, address }) };
}

async function keyOf(given: Connect): Promise<string | undefined> {
  const { identity, keyOf: key } = await connect(given);
  return key(identity);
}

const HOME = '198.51.100.7';
const guest = { username: 'Ann', address: HOME, roomid: 'tea' };

test.each<[string, Connect]>([
  ['the SDK', { userId: 'ann', connectId: 'tab 1' }],
  ['the SDK as a new guest', { username: 'Ann', connectId: 'tab 1' }],
  ['a user of a stock client', { userId: 'ann', roomid: 'tea' }],
  ['a guest of a stock client, as another guest', guest],
])('%s keeps its key over its tries', async (_, given) => {
  const key = await keyOf(given);
  expect(key).toBeTypeOf('string');
  expect(await keyOf(given)).toBe(key);
});

test('a user keeps the key on another network; a guest of a stock client needs the address', async () => {
  const user = { userId: 'ann', roomid: 'tea' };
  expect(await keyOf({ ...user, address: HOME })).toBe(await keyOf({ ...user, address: '203.0.113.9' }));
  expect(await keyOf(guest)).not.toBe(await keyOf({ ...guest, address: '203.0.113.9' }));
});

test.each<[string, Connect, Connect]>([
  ['tabs of the SDK', { userId: 'ann', connectId: 'tab 1' }, { userId: 'ann', connectId: 'tab 2' }],
  ['new guests of the SDK', { username: 'Ann', connectId: 'one' }, { username: 'Ann', connectId: 'another' }],
  ['users', { userId: 'ann', connectId: 'tab 1' }, { userId: 'bob', connectId: 'tab 1' }],
  [
    'tabs of stock clients in two rooms',
    { userId: 'ann', roomid: 'tea' },
    { userId: 'ann', roomid: 'coffee' },
  ],
  ['browsers of stock clients', { userId: 'ann' }, { userId: 'ann', browser: 'Chrome' }],
  ['guests of one address', guest, { ...guest, username: 'Bob' }],
])('two %s have two keys', async (_, one, other) => {
  expect(await keyOf(one)).not.toBe(await keyOf(other));
});

test('a guest of the SDK comes back by the same key with the id that it was given', async () => {
  const { identity, keyOf: key } = await connect({ username: 'Ann', connectId: 'tab' });
  const { user, guestToken = '' } = identity;
  const returned = { userId: user.id, guestToken, username: 'Ann', connectId: 'tab' };
  expect(await keyOf(returned)).toBe(key(identity));
});

test('a connection comes back by the user that it has logged in as', async () => {
  const { identity, keyOf: key } = await connect({ username: 'Ann', connectId: 'tab' });
  const loggedIn = granted(identities.login(identity, 'ann'));
  expect(key(loggedIn)).toBe(await keyOf({ userId: 'ann', connectId: 'tab' }));
});

test.each<[string, Connect]>([
  ['without a name', { address: HOME }],
  ['without an address of its own', { username: 'Ann' }],
])('a guest of a stock client %s has no key: others could have the same', async (_, given) => {
  expect(await keyOf(given)).toBeUndefined();
});

test('the tabs of one user have keys of their own, and made-up ids give a user 4,096 keys, no more', async () => {
  const keysOf = (count: number) =>
    Promise.all(Array.from({ length: count }, (_, n) => keyOf({ userId: 'ann', connectId: `tab ${n}` })));
  expect(new Set(await keysOf(20)).size).toBe(20);
  expect(new Set(await keysOf(10_000)).size).toBeLessThanOrEqual(4_096);
});

test('no key contains what a client wrote', async () => {
  for (const given of [{ userId: 'ann smith', connectId: 'tab' }, guest])
    expect(await keyOf(given)).toMatch(/^\??[\w-]{22}$/);
});
