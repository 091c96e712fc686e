import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { Outcome } from '../../../src/protocol/codes.ts';
import { type ApiClient, createApiAuthenticator } from '../../../src/server/auth/api-keys.ts';
import { createKeyFailures } from '../../../src/server/auth/key-failures.ts';
import { createClientAddresses } from '../../../src/server/transport/client-address.ts';
import { KEYS } from '../http/api-stage.ts';

function from(remoteAddress: string, headers: IncomingHttpHeaders): IncomingMessage {
  return { socket: { remoteAddress }, headers } as IncomingMessage;
}

/** A gate with a clock of its own. */
function openGate(trustProxy?: readonly string[]) {
  let at = 0;
  const told = { onStranger: () => undefined, onIgnored: () => undefined };
  const addresses = createClientAddresses({ trustProxy, ...told });
  const failures = createKeyFailures({ addresses, now: () => at });
  const gate = createApiAuthenticator(KEYS, failures);
  return {
    gate,
    sizes: failures.sizes,
    pass(ms: number) {
      at += ms;
    },
    /** Treats a request as the API does, one that nothing but a key opens. */
    ask(address: string, headers: IncomingHttpHeaders) {
      const request = from(address, headers);
      const asked = gate.authorize(request);
      if (!asked.ok) gate.countFailure(request);
      return asked.ok ? 'granted' : (asked.error.retryAfterMs ?? asked.error.code);
    },
  };
}

const codeOf = (asked: Outcome<ApiClient>) => (asked.ok ? undefined : asked.error.code);
const LOCAL = { host: '127.0.0.1:6001' };

describe('with keys', () => {
  const { gate } = openGate();
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

describe('wrong keys', () => {
  const [right] = KEYS;
  const RIGHT = { 'x-api-key': right };
  const WRONG = { authorization: 'Bearer wrong' };

  it('of one address are compared 20 times and then 10 a minute, and meanwhile no key from there is', () => {
    const { ask, pass } = openGate();
    for (let n = 0; n < 20; n += 1) expect(ask('203.0.113.7', WRONG)).toBe('unauthorized');
    for (const headers of [RIGHT, WRONG, RIGHT]) expect(ask('203.0.113.7', headers)).toBe(6_000);
    expect(ask('203.0.113.8', RIGHT)).toBe('granted');
    pass(5_999);
    expect(ask('203.0.113.7', RIGHT)).toBe(1);
    pass(1);
    for (let n = 0; n < 30; n += 1) expect(ask('203.0.113.7', RIGHT)).toBe('granted');
    expect([WRONG, RIGHT].map((headers) => ask('203.0.113.7', headers))).toEqual(['unauthorized', 6_000]);
    pass(180_000);
    for (let n = 0; n < 20; n += 1) expect(ask('203.0.113.7', WRONG)).toBe('unauthorized');
    expect(ask('203.0.113.7', WRONG)).toBe(6_000);
  });

  it('of one IPv6 network count together, and behind a trusted proxy those of each client', () => {
    const { ask } = openGate();
    for (let n = 0; n < 20; n += 1) ask(`2001:db8:1:2::${n}`, WRONG);
    expect(ask('2001:db8:1:2:ffff::1', RIGHT)).toBe(6_000);
    expect(ask('2001:db8:1:3::1', RIGHT)).toBe('granted');
    const proxied = (address: string) => ({ 'x-forwarded-for': address });
    for (let n = 0; n < 20; n += 1) ask('127.0.0.1', { ...WRONG, ...proxied('203.0.113.7') });
    expect(ask('127.0.0.1', { ...RIGHT, ...proxied('203.0.113.7') })).toBe(6_000);
    expect(ask('127.0.0.1', { ...RIGHT, ...proxied('203.0.113.8') })).toBe('granted');
  });

  it('are no key at all, or come from where many people may be: nobody waits for those', () => {
    const { ask, sizes } = openGate(['loopback', '10.0.0.1']);
    const none = [
      {},
      { authorization: 'Basic d3Jvbmc=' },
      { cookie: 'token=x' },
      { authorization: 'Bearer ' },
    ];
    for (let n = 0; n < 30; n += 1) for (const headers of none) ask('203.0.113.7', headers);
    expect(sizes()).toEqual({ buckets: 0 });
    for (const address of ['127.0.0.1', '::1', '10.0.0.1', '203.0.113.7']) {
      const wrong = address === '203.0.113.7' ? {} : WRONG;
      for (let n = 0; n < 30; n += 1) expect(ask(address, wrong)).toBe('unauthorized');
      expect(ask(address, RIGHT)).toBe('granted');
    }
  });
});
