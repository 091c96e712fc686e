import type { IncomingMessage } from 'node:http';
import { describe, expect, it, vi } from 'vitest';
import { createClientAddresses } from '../../../src/server/transport/client-address.ts';

function from(peer: string, headers: Record<string, string> = {}): IncomingMessage {
  return { socket: { remoteAddress: peer }, headers } as unknown as IncomingMessage;
}

function addresses(trustProxy?: readonly string[]) {
  const [onStranger, onIgnored] = [vi.fn(), vi.fn()];
  return { ...createClientAddresses({ trustProxy, onStranger, onIgnored }), onStranger, onIgnored };
}

describe('the address of a client', () => {
  it.each([
    ['203.0.113.7', '203.0.113.7'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8:1:2::9', '2001:db8:1:2'],
  ])('%s counts as %s', (peer, key) => {
    expect(addresses().counted(from(peer))).toBe(key);
    expect(addresses().personal(from(peer))).toBe(key);
  });

  it('comes from a proxy on this machine without TRUST_PROXY', () => {
    const request = from('127.0.0.1', { 'x-forwarded-for': '203.0.113.7' });
    expect(addresses().personal(request)).toBe('203.0.113.7');
  });

  it('is the last address that a trusted proxy wrote, whatever the client claims', () => {
    const request = from('127.0.0.1', { 'x-forwarded-for': '198.51.100.1, 203.0.113.7, 10.0.0.5' });
    expect(addresses(['loopback', '10.0.0.0/8']).personal(request)).toBe('203.0.113.7');
  });

  it.each([
    '10.0.0.5',
    '172.16.0.5',
    '192.168.0.5',
    '169.254.0.5',
    'fe80::5',
    'fd00::5',
    '::ffff:10.0.0.5',
    '100.64.0.5',
  ])(
    'is not known behind a proxy at %s of which nobody said whether it is trusted, which is told of once',
    (peer) => {
      const { counted, personal, onStranger, onIgnored } = addresses();
      const request = from(peer, { 'x-forwarded-for': '203.0.113.7' });
      expect([counted(request), personal(request), counted(request)]).toEqual([
        undefined,
        undefined,
        undefined,
      ]);
      expect(onStranger.mock.calls).toEqual([[peer]]);
      expect(onIgnored).not.toHaveBeenCalled();
    },
  );

  it.each(['x-forwarded-for', 'forwarded', 'x-real-ip'])(
    'is a public peer’s own whatever it sends as %s, so that no client evades limits, with one warning',
    (header) => {
      for (const said of ['x', '198.51.100.1', '127.0.0.1', '10.0.0.5']) {
        const { counted, personal, onStranger, onIgnored } = addresses();
        const request = from('203.0.113.9', { [header]: said });
        expect([counted(request), personal(request)]).toEqual(['203.0.113.9', '203.0.113.9']);
        expect(onStranger).not.toHaveBeenCalled();
        expect(onIgnored.mock.calls).toEqual([['203.0.113.9']]);
      }
    },
  );

  it.each([
    {},
    { 'x-forwarded-for': 'unknown' },
    { 'x-forwarded-for': '203.0.113.7:4711' },
    { 'x-real-ip': '203.0.113.7' },
    { 'x-forwarded-for': '10.0.0.6' },
  ])('is nobody’s behind a named proxy that says %j', (headers) => {
    const { counted, personal } = addresses(['10.0.0.0/8']);
    for (const peer of ['10.0.0.5', '::ffff:10.0.0.5']) {
      const request = from(peer, headers as Record<string, string>);
      expect([counted(request), personal(request)]).toEqual([undefined, undefined]);
    }
  });

  it('counts for RATE_CONNECT only, if it is private and no proxy is named: many may share it', () => {
    const { counted, personal } = addresses();
    for (const peer of ['10.0.0.5', '172.16.0.5', '192.168.0.5', '169.254.0.5', '100.64.0.5']) {
      const through = from('127.0.0.1', { 'x-forwarded-for': peer });
      expect([counted(from(peer)), personal(from(peer))]).toEqual([peer, undefined]);
      expect([counted(through), personal(through)]).toEqual([peer, undefined]);
    }
    expect([counted(from('fd00::5')), personal(from('fd00::5'))]).toEqual(['fd00:0:0:0', undefined]);
    for (const trust of [[], ['loopback']]) {
      expect(addresses(trust).personal(from('10.0.0.5'))).toBe('10.0.0.5');
    }
  });

  it('is the peer address if TRUST_PROXY does not name the peer, whatever its headers say', () => {
    for (const trust of [[], ['10.0.0.5']]) {
      const { personal, onStranger, onIgnored } = addresses(trust);
      expect(personal(from('203.0.113.9', { 'x-forwarded-for': '198.51.100.1' }))).toBe('203.0.113.9');
      expect(onStranger).not.toHaveBeenCalled();
      expect(onIgnored).not.toHaveBeenCalled();
    }
  });

  it('counts for RATE_CONNECT only, if it is loopback: a proxy without headers may stand there', () => {
    for (const peer of ['127.0.0.1', '::1', '::ffff:127.0.0.1']) {
      expect(addresses().counted(from(peer))).toBeDefined();
      expect(addresses().personal(from(peer))).toBeUndefined();
    }
  });

  it('is that of the proxy if its header holds no valid address', () => {
    const request = from('127.0.0.1', { 'x-forwarded-for': 'unknown' });
    expect(addresses().counted(request)).toBe('127.0.0.1');
  });
});
