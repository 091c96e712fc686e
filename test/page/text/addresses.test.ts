import { describe, expect, it } from 'vitest';
import { bareAddresses, labelled, parseTarget } from '../../../src/page/text/addresses.ts';

const found = (text: string) => bareAddresses(text).map(({ text: address }) => address);
const behind = (address: string, label: string) => {
  const target = parseTarget(address);
  return target && labelled(target, label);
};

describe('an address in a text', () => {
  it.each([
    ['see https://example.org/a?b=1.', 'https://example.org/a?b=1'],
    ['(http://example.org/a_(b)) and', 'http://example.org/a_(b)'],
    ['**https://example.org/**', 'https://example.org/'],
    ['https://example.org/!', 'https://example.org/'],
    ['write to mailto:ann@example.org, please', 'mailto:ann@example.org'],
    ['HTTPS://EXAMPLE.ORG', 'HTTPS://EXAMPLE.ORG'],
  ])('ends where the sentence around it goes on: %j', (text, address) => {
    expect(found(text)).toEqual([address]);
  });

  it.each([
    'javascript:alert(1)',
    'http://',
    'https://a b'.replace(' ', '\u0000'),
    'ftp://example.org',
    'example.org',
  ])('is no link: %j', (text) => {
    expect(found(text).filter((address) => address.includes('alert') || address === text)).toEqual([]);
  });

  it('ends before characters that nobody sees or that turn the direction', () => {
    expect(found('https://example.org/\u202Egro.live')).toEqual(['https://example.org/']);
    expect(found('https://exam\u200Bple.org')).toEqual(['https://exam']);
  });

  it('tells its host where it looks like another one', () => {
    const hosts = (text: string) => bareAddresses(text).map(({ leadsTo }) => leadsTo);
    expect(hosts('https://bank.com@evil.org/')).toEqual(['evil.org']);
    expect(hosts('https://b\u0430nk.com/')).toEqual(['xn--bnk-6cd.com']);
    expect(hosts('https://example.org:443/a https://Example.org/b http://example.org:8080')).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});

describe('a link with a label', () => {
  it('tells the host it leads to, whatever its label says', () => {
    expect(behind('https://evil.org/a', 'https://bank.com')).toEqual({
      href: 'https://evil.org/a',
      leadsTo: 'evil.org',
    });
    expect(behind('https://evil.org', 'b\u200Bank․com')?.leadsTo).toBe('evil.org');
    expect(behind('mailto:eve@evil.org?bcc=all@example.org', 'Ann')).toEqual({
      href: 'mailto:eve@evil.org',
      leadsTo: 'eve@evil.org',
    });
  });

  it('tells nothing more where the label is the address', () => {
    for (const label of ['https://example.org', 'https://example.org/', 'example.org', 'Example.org ']) {
      expect(behind('https://example.org', label)).toEqual({ href: 'https://example.org/' });
    }
    expect(behind('mailto:ann@example.org', 'ann@example.org')?.leadsTo).toBe(undefined);
  });

  it.each([
    'javascript:alert(1)',
    'java\nscript:alert(1)',
    'data:text/html,<b>',
    'vbscript:x',
    '//example.org',
    'blob:https://a.org/1',
    'file:///etc/passwd',
    'mailto:',
  ])('leads nowhere else: %j', (address) => {
    expect(behind(address, 'label')).toBe(undefined);
  });
});
