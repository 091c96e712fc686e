import { parseArgs } from 'node:util';
import { type JWTPayload, SignJWT } from 'jose';
import { parseAvatar, parseUnreservedId, parseUnreservedUsername } from '../protocol/names.ts';
import { parseGrant } from '../protocol/rights.ts';
import type { Printer } from './nginx.ts';

export interface TokenSettings {
  readonly authSecret: string | undefined;
  readonly authAudience: string | undefined;
  readonly authIssuer: string | undefined;
}

type Request =
  | { readonly kind: 'mint'; readonly claims: JWTPayload; readonly ttlS: number }
  | { readonly kind: 'help' }
  | { readonly kind: 'wrong'; readonly problems: readonly string[] };

const DEFAULT_TTL = '1h';
const UNIT_S = { s: 1, m: 60, h: 3_600, d: 86_400 } as const;

/** Prints a token for one user and nothing else on standard output, for use in a shell variable. */
export async function runToken(
  args: readonly string[],
  { authSecret, authAudience, authIssuer }: TokenSettings,
  now: () => number,
  print: Printer,
): Promise<number> {
  const request = parseTokenArgs(args);
  switch (request.kind) {
    case 'help':
      print.out(HELP);
      return 0;
    case 'wrong':
      for (const problem of request.problems) print.err(`roomcast token: ${problem}\n`);
      print.err('See roomcast token --help.\n');
      return 2;
    case 'mint': {
      if (authSecret === undefined) {
        print.err('roomcast token: AUTH_SECRET is not set; it must be the one the servers run with\n');
        return 1;
      }
      const nowS = Math.floor(now() / 1_000);
      const claims = {
        ...request.claims,
        ...(authAudience === undefined ? {} : { aud: authAudience }),
        ...(authIssuer === undefined ? {} : { iss: authIssuer }),
        iat: nowS,
        exp: nowS + request.ttlS,
      };
      const token = await new SignJWT(claims)
        .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
        .sign(new TextEncoder().encode(authSecret));
      print.out(`${token}\n`);
      return 0;
    }
  }
}

/** Finds every problem, not only the first. */
function parseTokenArgs(args: readonly string[]): Request {
  const text = { type: 'string' } as const;
  let parsed: ReturnType<typeof read>;
  function read() {
    const help = { type: 'boolean', short: 'h' } as const;
    const options = { help, name: text, avatar: text, rooms: text, ttl: text };
    return parseArgs({ args: [...args], options, allowPositionals: true });
  }
  try {
    parsed = read();
  } catch (error) {
    return { kind: 'wrong', problems: [error instanceof Error ? error.message : String(error)] };
  }
  const { values, positionals } = parsed;
  if (values.help) return { kind: 'help' };

  const problems: string[] = [];
  function take<T>(given: string | undefined, parse: (raw: string) => T | undefined, grammar: string) {
    if (given === undefined) return undefined;
    const value = parse(given);
    if (value === undefined) problems.push(`${grammar}, not ${JSON.stringify(given.slice(0, 80))}`);
    return value;
  }
  const [user, ...more] = positionals;
  if (user === undefined) problems.push('USER is needed: the user id the token is for');
  if (more.length > 0) problems.push('takes one USER; one with spaces must be quoted');
  const sub = take(
    user,
    parseUnreservedId,
    'USER must be 1 to 128 bytes of letters, digits, inner spaces and _ - . : @ ~, and not roomcast',
  );
  const name = take(
    values.name,
    parseUnreservedUsername,
    '--name takes 1 to 32 characters that can be seen, and not roomcast',
  );
  const avatar = take(values.avatar, parseAvatar, '--avatar takes a short file name or an https: URL');
  const rooms = take(
    values.rooms,
    parseRooms,
    '--rooms takes room ids or prefix*, each also with =RIGHT+RIGHT (read, say, react, moderate), with commas between',
  );
  const ttlS = take(values.ttl ?? DEFAULT_TTL, parseTtl, '--ttl takes a time such as 30s, 15m, 12h or 7d');
  if (problems.length > 0 || sub === undefined || ttlS === undefined) return { kind: 'wrong', problems };
  const claims = {
    sub,
    ...(name === undefined ? {} : { name }),
    ...(avatar === undefined ? {} : { avatar }),
    ...(rooms === undefined ? {} : { rooms }),
  };
  return { kind: 'mint', claims, ttlS };
}

function parseRooms(raw: string): unknown[] | undefined {
  const given = raw.split(',').map((item) => item.trim());
  const rooms = given.map(parseRoom).filter((room) => room !== undefined);
  return rooms.length === given.length ? rooms : undefined;
}

/** An entry of the claim `rooms` in the spelling that the servers compare with. No room id has a `=`. */
function parseRoom(given: string): unknown {
  const [room, rights] = given.split(/=(.*)/s);
  const can = rights?.split('+').map((right) => right.trim());
  const grant = parseGrant(can === undefined ? room : { room, can });
  if (grant === undefined) return undefined;
  return can === undefined ? grant.pattern : { room: grant.pattern, can: grant.can };
}

function parseTtl(raw: string): number | undefined {
  const [, count, unit] = /^([1-9]\d{0,6})([smhd])$/.exec(raw) ?? [];
  return unit === undefined ? undefined : Number(count) * UNIT_S[unit as keyof typeof UNIT_S];
}

const HELP = `Usage: roomcast token USER [options]

Prints a token (JWT, HS256) that lets its bearer in as USER, signed with AUTH_SECRET, for
AUTH_AUDIENCE and from AUTH_ISSUER where they are set.

  --name NAME        the name USER goes by and cannot change; without it USER chooses one
  --avatar AVATAR    the same for the avatar: a short file name or an https: URL
  --rooms ROOM,...   the rooms USER may use, prefix* for all that begin so [all]; ROOM=read+say
                     gives these rights only, of read, say, react and moderate
  --ttl TIME         how long it is good: 30s, 15m, 12h, 7d [${DEFAULT_TTL}]
`;
