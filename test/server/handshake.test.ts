import { describe, expect, it } from 'vitest';
import { createIdentities } from '../../src/chat/identity.ts';
import { introduce } from '../../src/server/handshake.ts';

function handshake(query: string, auth?: unknown) {
  const url = `/socket.io/?EIO=4&${query}`;
  const parsed = Object.fromEntries(new URL(url, 'http://x').searchParams);
  return introduce({ url, query: parsed, auth }, createIdentities('s'));
}

describe('a handshake', () => {
  it('names room and person', () =>
    expect(handshake('roomid=k12&username=Ann&avatar=1.jpg')).toMatchObject({
      ok: true,
      value: { roomid: 'k12', identity: { named: true, user: { name: 'Ann', avatar: '1.jpg' } } },
    }));

  it('believes auth before the address', () =>
    expect(handshake('username=Ann', { username: 'Bob', userId: 7 })).toMatchObject({
      value: { identity: { user: { id: '7', name: 'Bob' } } },
    }));

  it.each([
    ['roomid=a&roomid=b', undefined, 'roomid'],
    ['roomid=a%23b', undefined, 'roomid'],
    ['roomid=', undefined, 'roomid'],
    ['username=', undefined, 'username'],
    ['avatar=javascript:x', undefined, 'avatar'],
    ['', { userId: {} }, 'auth.userId'],
    ['', { resume: { epoch: 'e' } }, 'auth.resume.seq'],
    ['', 'text', 'auth.payload'],
  ])('with %j and %j is a bad request that names %s', (query, auth, field) => {
    const refused = handshake(query, auth);
    expect(refused).toMatchObject({ ok: false, error: { code: 'bad_request', temporary: false } });
    expect(refused.ok || refused.error.message).toContain(`${field}:`);
  });

  it('takes a legal name for what it is', () => {
    expect(handshake('roomid=__proto__')).toMatchObject({ value: { roomid: '__proto__' } });
    expect(handshake('username=constructor')).toMatchObject({ ok: true });
  });
});
