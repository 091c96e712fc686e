import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { type AllowedOrigins, isOriginAllowed } from '../../../src/server/transport/origins.ts';

function allowed(origin: string | undefined, host: string | undefined, list?: AllowedOrigins): boolean {
  return isOriginAllowed({ headers: { origin, host } } as IncomingMessage, list);
}

describe('the origin of a handshake', () => {
  it('need not be given', () => expect(allowed(undefined, 'chat.example')).toBe(true));
  it('must be the same host name, whatever the port and the scheme', () => {
    expect(allowed('https://chat.example', 'chat.example:6001')).toBe(true);
    expect(allowed('http://[::1]:3000', '[::1]:6001')).toBe(true);
    expect(allowed('https://evil.example', 'chat.example')).toBe(false);
    expect(allowed('https://chat.example.evil.example', 'chat.example')).toBe(false);
  });
  it.each(['null', '', 'nonsense', 'file://'])('is foreign when it is %j', (origin) =>
    expect(allowed(origin, 'chat.example')).toBe(false),
  );
  it('is foreign when the request names no host', () => expect(allowed('http://a', undefined)).toBe(false));
  it('must stand in the list where there is one', () => {
    expect(allowed('https://a.example', 'b.example', ['https://a.example'])).toBe(true);
    expect(allowed('https://b.example', 'b.example', ['https://a.example'])).toBe(false);
  });
  it('may be any with *', () => expect(allowed('https://evil.example', 'chat.example', '*')).toBe(true));
});
