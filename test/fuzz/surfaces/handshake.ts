import fc from 'fast-check';
import type { Surface } from '../campaign.ts';
import { openConnection } from '../connection.ts';
import { payload, text } from '../values.ts';

const QUERY = [
  'roomid',
  'username',
  'avatar',
  'sid',
  'EIO',
  'transport',
  't',
  'b64',
  'j',
  'token',
  '__proto__',
];
const HEADERS = ['cookie', 'authorization', 'origin', 'x-forwarded-for', 'x-real-ip', 'user-agent', 'host'];
const AUTH = ['token', 'username', 'avatar', 'userId', 'guestToken', 'resume', 'inbox', 'roomid'];

interface Sent {
  readonly query: readonly (readonly [string, string])[];
  readonly headers: Readonly<Record<string, string>>;
  readonly auth: unknown;
  readonly nsp: string;
}

const header = fc.oneof(
  fc.constantFrom(
    'token=x',
    'token=',
    'Bearer x',
    'Bearer ',
    '127.0.0.1',
    '::1, 10.0.0.1',
    'unknown',
    '1.2.3.4:99',
    'null',
    'http://evil.example',
    '*',
    ',',
  ),
  fc.string({ maxLength: 30 }).map((all) => all.replace(/[^\x20-\x7e]/g, '?')),
);

/** How somebody comes: the address, the headers and what the connecting packet carries. Each input is a connection. */
export const handshake: Surface<Sent> = {
  name: 'handshake',
  input: fc.record({
    query: fc.array(fc.tuple(fc.constantFrom('roomid', 'username', ...QUERY), text), { maxLength: 5 }),
    headers: fc.dictionary(fc.constantFrom(...HEADERS), header, { maxKeys: 2 }),
    auth: payload(AUTH),
    nsp: fc.constantFrom('', '', '', '', '/,', '/post,', '/?roomid=tea,', '/x?,'),
  }),
  async send({ system }, inputs) {
    const answers = inputs.map(async ({ query, headers, auth, nsp }, index) => {
      const url = system.entrances[index % system.entrances.length] as string;
      const search = [['EIO', '4'], ['transport', 'websocket'], ...query].map((pair) =>
        pair.map(quoted).join('='),
      );
      const connection = openConnection(url, search.join('&'), headers);
      connection.send(`40${nsp}${JSON.stringify(auth)}`);
      await connection.until('4');
      connection.close();
      return connection.wrong;
    });
    return (await Promise.all(answers)).flat();
  },
};

/** Lone surrogates too, as no library would send them. */
function quoted(part = ''): string {
  return [...Buffer.from(part)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
}
