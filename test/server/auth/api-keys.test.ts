import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { Outcome } from '../../../src/protocol/codes.ts';
import { type ApiClient, createApiAuthenticator } from '../../../src/server/auth/api-keys.ts';
import { KEYS } from '../http/api-stage.ts';

function from(remoteAddress: string, headers: IncomingHttpHeaders) {
  return { socket: { remoteAddress } as IncomingMessage['socket'], headers };
}

const codeOf = (asked: Outcome<ApiClient>) => (asked.ok ? undefined : asked.error.code);
const LOCAL = { host: '127.0.0.1:6001' };

describe('with keys', () => {
  const gate = createApiAuthenticator(KEYS);
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
