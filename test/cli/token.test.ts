import { decodeJwt, jwtVerify } from 'jose';
import { describe, expect, it } from 'vitest';
import { runToken, type TokenSettings } from '../../src/cli/token.ts';

const SECRET = 'a secret that is long enough for HS256';
const NOW_S = 1_800_000_000;
const UNSET: TokenSettings = { authSecret: undefined, authAudience: undefined, authIssuer: undefined };

async function run(args: readonly string[], settings: Partial<TokenSettings> = { authSecret: SECRET }) {
  let out = '';
  let err = '';
  const code = await runToken(args, { ...UNSET, ...settings }, () => NOW_S * 1_000 + 999, {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
  });
  return { code, out, err };
}

describe('roomcast token', () => {
  it('prints a token for the user, good for an hour, and nothing else', async () => {
    const { code, out, err } = await run(['ann']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
    const checks = { algorithms: ['HS256'], currentDate: new Date(NOW_S * 1_000) };
    const { payload } = await jwtVerify(out.trim(), new TextEncoder().encode(SECRET), checks);
    expect(payload).toEqual({ sub: 'ann', iat: NOW_S, exp: NOW_S + 3_600 });
  });

  it('has the claims of the options', async () => {
    const options = [
      '--name',
      'Ann A',
      '--avatar=1.jpg',
      '--rooms',
      'lobby, team-*, news=read+moderate',
      '--ttl',
      '7d',
    ];
    const { out } = await run(['--name', 'x', ...options, 'Ann of Berlin']);
    expect(decodeJwt(out.trim())).toEqual({
      sub: 'Ann of Berlin',
      name: 'Ann A',
      avatar: '1.jpg',
      rooms: ['lobby', 'team-*', { room: 'news', can: ['read', 'moderate'] }],
      iat: NOW_S,
      exp: NOW_S + 604_800,
    });
  });

  it('is for the audience and from the issuer that the servers ask for', async () => {
    const settings = { authSecret: SECRET, authAudience: 'chat', authIssuer: 'https://id.example/' };
    const { out } = await run(['ann'], settings);
    expect(decodeJwt(out.trim())).toMatchObject({ sub: 'ann', aud: 'chat', iss: 'https://id.example/' });
  });

  it.each([
    ['30s', 30],
    ['15m', 900],
    ['12h', 43_200],
    ['2d', 172_800],
  ])('takes %s for %i seconds', async (ttl, seconds) => {
    const { out } = await run(['ann', '--ttl', ttl]);
    expect(decodeJwt(out.trim()).exp).toBe(NOW_S + seconds);
  });

  it('names every wrong argument, and prints no token', async () => {
    const { code, out, err } = await run([
      'a#b',
      '--name=',
      '--avatar',
      'x:y',
      '--rooms',
      'a,,b',
      '--ttl',
      '1w',
    ]);
    expect([code, out]).toEqual([2, '']);
    for (const part of ['USER', '--name', '--avatar', '--rooms', '--ttl', '--help'])
      expect(err).toContain(part);
  });

  it.each([[[]], [['ann', 'bob']], [['ann', '--nme', 'x']], [['ann', '--ttl', '0s']], [['ann', '--ttl']]])(
    'with %j is misused',
    async (args) => expect(await run(args)).toMatchObject({ code: 2, out: '' }),
  );

  it('without AUTH_SECRET says so', async () => {
    const { code, out, err } = await run(['ann'], { authSecret: undefined });
    expect([code, out]).toEqual([1, '']);
    expect(err).toContain('AUTH_SECRET is not set');
  });

  it('has help', async () => {
    const { code, out } = await run(['--help']);
    expect(code).toBe(0);
    expect(out).toContain('Usage: roomcast token USER');
  });
});
