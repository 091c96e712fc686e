import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { type AllowedOrigins, isOriginAllowed } from '../../../src/server/transport/origins.ts';

function allowed(origin: string | undefined, host: string | undefined, list?: AllowedOrigins): boolean {
  return isOriginAllowed({ headers: { origin, host } } as IncomingMessage, list);
}

describe('the origin of a handshake', () => {
  it('is optional', () => expect(allowed(undefined, 'chat.example')).toBe(true));
  it('must have the host name of the request, with any port and scheme', () => {
    expect(allowed('https://chat.example', 'chat.example:6001')).toBe(true);
    expect(allowed('http://[::1]:3000', '[::1]:6001')).toBe(true);
    expect(allowed('https://evil.example', 'chat.example')).toBe(false);
    expect(allowed('https://chat.example.evil.example', 'chat.example')).toBe(false);
  });
  it.each(['null', '', 'nonsense', 'file://'])('is foreign if it is %j', (origin) =>
    expect(allowed(origin, 'chat.example')).toBe(false),
  );
  it('is foreign if the request has no Host', () => expect(allowed('http://a', undefined)).toBe(false));
  it('must match CORS_ORIGIN if it is set', () => {
    expect(allowed('https://a.example', 'b.example', ['https://a.example'])).toBe(true);
    expect(allowed('https://b.example', 'b.example', ['https://a.example'])).toBe(false);
  });
  it('may be any with CORS_ORIGIN=*', () =>
    expect(allowed('https://evil.example', 'chat.example', '*')).toBe(true));
});
