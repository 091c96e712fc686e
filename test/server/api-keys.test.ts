import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { Outcome } from '../../src/protocol/codes.ts';
import { type Asker, createApiGate } from '../../src/server/api-keys.ts';
import { KEYS } from './api-stage.ts';

function from(remoteAddress: string, headers: IncomingHttpHeaders) {
  return { socket: { remoteAddress } as IncomingMessage['socket'], headers };
}

const codeOf = (asked: Outcome<Asker>) => (asked.ok ? undefined : asked.error.code);
const LOCAL = { host: '127.0.0.1:6001' };

describe('without keys', () => {
  const gate = createApiGate([]);
  const codeFor = (address: string, headers: IncomingHttpHeaders) =>
    codeOf(gate.authorize(from(address, headers)));

  it.each([
    ['127.0.0.1', LOCAL],
    ['127.8.9.1', { host: '127.8.9.1' }],
    ['::1', { host: '[::1]:6001' }],
    ['::ffff:127.0.0.1', { host: 'localhost:3000' }],
    ['127.0.0.1', { ...LOCAL, origin: 'http://localhost:3000' }],
    ['127.0.0.1', { ...LOCAL, origin: 'http://[::1]:8080' }],
    ['127.0.0.1', { ...LOCAL, authorization: 'Bearer whatever' }],
  ])('a program of this machine may: %s %o', (address, headers) => {
    expect(codeFor(address, headers)).toBeUndefined();
  });

  it.each([
    ['from another machine', '192.0.2.1', LOCAL],
    ['from another machine over IPv6', '2001:db8::1', LOCAL],
    ['from a link that is gone', '', LOCAL],
    ['from a name that begins as an address does', '127.0.0.1.example.org', LOCAL],
    ['passed on: X-Forwarded-For', '127.0.0.1', { ...LOCAL, 'x-forwarded-for': '127.0.0.1' }],
    ['passed on: X-Forwarded-Proto', '127.0.0.1', { ...LOCAL, 'x-forwarded-proto': 'http' }],
    ['passed on: X-Forwarded-For of nobody', '127.0.0.1', { ...LOCAL, 'x-forwarded-for': '' }],
    ['passed on: Forwarded', '127.0.0.1', { ...LOCAL, forwarded: 'for=127.0.0.1' }],
    ['passed on: X-Real-IP', '127.0.0.1', { ...LOCAL, 'x-real-ip': '127.0.0.1' }],
    ['passed on: Via', '127.0.0.1', { ...LOCAL, via: '1.1 proxy' }],
    ['without Host', '127.0.0.1', {}],
    ['to a foreign Host', '127.0.0.1', { host: 'chat.example.org' }],
    ['to a Host that begins as loopback does', '127.0.0.1', { host: '127.0.0.1.example.org:6001' }],
    ['to a Host that ends as loopback does', '127.0.0.1', { host: 'example.localhost.org' }],
    ['from a foreign Origin', '127.0.0.1', { ...LOCAL, origin: 'https://example.org' }],
    ['from an Origin that begins as loopback does', '127.0.0.1', { ...LOCAL, origin: 'http://127.evil.org' }],
    ['from an Origin of nobody', '127.0.0.1', { ...LOCAL, origin: 'null' }],
    ['from another site’s page without an Origin', '127.0.0.1', { ...LOCAL, 'sec-fetch-site': 'cross-site' }],
  ])('nothing else may: %s', (_what, address, headers) => {
    expect(codeFor(address, headers)).toBe('forbidden');
  });
});

describe('with keys', () => {
  const gate = createApiGate(KEYS);
  const [one, other] = KEYS;
  const codeFor = (headers: IncomingHttpHeaders, address = '192.0.2.1') =>
    codeOf(gate.authorize(from(address, headers)));

  it.each([
    { authorization: `Bearer ${one}` },
    { authorization: `bearer  ${other}` },
    { 'x-api-key': one },
    { 'x-api-key': other },
    { authorization: 'Basic cHJveHk6cHJveHk=', 'x-api-key': one },
    { authorization: 'Bearer of something else', 'x-api-key': one },
    { authorization: `Bearer ${one}`, 'x-forwarded-for': '198.51.100.1', host: 'chat.example.org' },
  ])('whoever has one of them may, from anywhere: %o', (headers) => {
    expect(codeFor(headers)).toBeUndefined();
  });

  it.each([
    {},
    { authorization: 'Bearer' },
    { authorization: 'Bearer ' },
    { authorization: one },
    { authorization: `Basic ${one}` },
    { authorization: `Bearer ${one}x` },
    { authorization: `Bearer ${one.slice(0, -1)}` },
    { authorization: `Bearer ${one} ${other}` },
    { authorization: `Bearer ${KEYS.join(',')}` },
    { 'x-api-key': '' },
    { 'x-api-key': one.toUpperCase() },
    { 'x-api-key': `Bearer ${one}` },
    { cookie: `token=${one}` },
  ])('nobody else may, also not from this machine: %o', (headers) => {
    expect(codeFor(headers)).toBe('unauthorized');
    expect(codeFor({ ...LOCAL, ...headers }, '127.0.0.1')).toBe('unauthorized');
  });
});
