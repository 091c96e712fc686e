import type { IncomingMessage } from 'node:http';
import { describe, expect, it, vi } from 'vitest';
import { createClientAddresses } from '../../src/server/client-address.ts';

function from(peer: string, headers: Record<string, string> = {}): IncomingMessage {
  return { socket: { remoteAddress: peer }, headers } as unknown as IncomingMessage;
}

function addresses(trustProxy?: readonly string[]) {
  const onStranger = vi.fn();
  return { ...createClientAddresses({ trustProxy, onStranger }), onStranger };
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

  it('is the one that a proxy on this machine says', () => {
    const request = from('127.0.0.1', { 'x-forwarded-for': '203.0.113.7' });
    expect(addresses().personal(request)).toBe('203.0.113.7');
  });

  it('is the last that no trusted proxy wrote: what the client says of itself is not believed', () => {
    const request = from('127.0.0.1', { 'x-forwarded-for': '198.51.100.1, 203.0.113.7, 10.0.0.5' });
    expect(addresses(['loopback', '10.0.0.0/8']).personal(request)).toBe('203.0.113.7');
  });

  it('is not known behind a proxy of which nobody said whether it is trusted, which is told of once', () => {
    const { counted, personal, onStranger } = addresses();
    const request = from('10.0.0.5', { 'x-forwarded-for': '203.0.113.7' });
    expect([counted(request), personal(request), counted(request)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(onStranger.mock.calls).toEqual([['10.0.0.5']]);
  });

  it('is the one it comes from where all proxies are known, whatever its headers say', () => {
    for (const trust of [[], ['10.0.0.5']]) {
      const { personal, onStranger } = addresses(trust);
      expect(personal(from('203.0.113.9', { 'x-forwarded-for': '198.51.100.1' }))).toBe('203.0.113.9');
      expect(onStranger).not.toHaveBeenCalled();
    }
  });

  it('of this machine counts, but may be that of many behind a silent proxy', () => {
    for (const peer of ['127.0.0.1', '::1', '::ffff:127.0.0.1']) {
      expect(addresses().counted(from(peer))).toBeDefined();
      expect(addresses().personal(from(peer))).toBeUndefined();
    }
  });

  it('is the proxy’s where what it says is no address', () => {
    const request = from('127.0.0.1', { 'x-forwarded-for': 'unknown' });
    expect(addresses().counted(request)).toBe('127.0.0.1');
  });
});
