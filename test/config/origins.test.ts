import { describe, expect, it } from 'vitest';
import { origins } from '../../src/config/grammar.ts';
import { matchesOrigin } from '../../src/origin-patterns.ts';

function patterns(raw: string): readonly string[] {
  const parsed = origins(raw);
  if ('problem' in parsed || parsed.value === '*') throw new Error(JSON.stringify(parsed));
  return parsed.value;
}

const APPS = [
  'capacitor://localhost',
  'ionic://localhost',
  'tauri://localhost',
  'app://-',
  'app://com.example.chat',
  'chrome-extension://aapbdbdomjkkjkaonfhkkikfgjllcleb',
  'moz-extension://2c127fa4-62c7-7e4f-90e5-472b45eecfdc',
];

describe('CORS_ORIGIN', () => {
  it.each([
    ['https://Example.ORG', 'https://example.org'],
    ['https://example.org/', 'https://example.org'],
    ['https://example.org:443', 'https://example.org'],
    ['http://example.org:80', 'http://example.org'],
    ['https://example.org:8443', 'https://example.org:8443'],
    ['http://[::1]:3000', 'http://[::1]:3000'],
    ['https://bücher.example', 'https://xn--bcher-kva.example'],
    ['HTTPS://*.Bücher.example:443/', 'https://*.xn--bcher-kva.example'],
    ['https://*.example.org:8443', 'https://*.example.org:8443'],
    ['http://*.localhost', 'http://*.localhost'],
    ['Capacitor://LocalHost/', 'capacitor://localhost'],
    ...APPS.map((app) => [app, app]),
  ])('takes %s as %s', (raw, pattern) => expect(patterns(raw as string)).toEqual([pattern]));

  it('takes a list, each once', () => {
    expect(patterns(' https://a.example, capacitor://localhost ,https://A.example/ ')).toEqual([
      'https://a.example',
      'capacitor://localhost',
    ]);
    expect(origins(' * ')).toEqual({ value: '*' });
  });

  it.each([
    ['https://example.org/chat', 'no path: https://example.org'],
    ['https://example.org//', 'no path: https://example.org'],
    ['https://example.org?a=b', 'no path: https://example.org'],
    ['https://example.org#a', 'no path: https://example.org'],
    ['https://ann:secret@example.org', 'user or a password'],
    ['*.example.org', 'https://*.example.org'],
    ['example.org:8443', 'https://example.org:8443'],
    ['localhost:3000', 'name the scheme'],
    ['null', 'name the scheme'],
    ['https://*', 'https://*.example.org'],
    ['chrome-extension://*', 'https://*.example.org'],
    ['https://*.', 'https://*.example.org'],
    ['http://exa*mple.org', 'https://*.example.org'],
    ['https://a.*.example.org', 'https://*.example.org'],
    ['https://*.*.example.org', 'https://*.example.org'],
    ['https://*example.org', 'https://*.example.org'],
    ['https://example.org:*', 'https://*.example.org'],
    ['*://example.org', 'name the scheme'],
    ['https://*.10.0.0.1', 'comma list'],
    ['wss://example.org', 'not ws:'],
    ['https://example.org:65536', 'comma list'],
    ['app://x:65536', 'comma list'],
    ['https://exam ple.org', 'comma list'],
    ['https://', 'comma list'],
    ['file://', 'comma list'],
    ['https://a.example,*', '* alone'],
    ['https://a.example,', 'name the scheme'],
  ])('that can never match, %s, is refused with what to write', (raw, told) =>
    expect(origins(raw)).toEqual({ problem: expect.stringContaining(told) }),
  );
});

describe('an origin', () => {
  it.each(APPS)('of an application, %s, is allowed if it is named, and no other of its scheme', (app) => {
    expect(matchesOrigin(patterns(app), app)).toBe(true);
    const other = `${app.split('://')[0]}://other`;
    expect(matchesOrigin(patterns(app), other)).toBe(false);
    expect(matchesOrigin(patterns(app), 'null')).toBe(false);
    expect(matchesOrigin(patterns(app), app.replace(/^[^:]+/, 'https'))).toBe(false);
  });

  it.each([
    ['https://chat.example.org', true],
    ['https://a.b.example.org', true],
    ['https://CHAT.example.org:443', true],
    ['https://example.org', false],
    ['https://.example.org', false],
    ['https://evilexample.org', false],
    ['https://example.org.evil.test', false],
    ['https://chat.example.org.evil.test', false],
    ['https://evil.test/.example.org', false],
    ['https://evil.test#.example.org', false],
    ['https://evil.test?.example.org', false],
    ['https://evil.test\\.example.org', false],
    ['https://evil.test@chat.example.org', false],
    ['https://*.example.org', false],
    ['http://chat.example.org', false],
    ['https://chat.example.org:8443', false],
    ['nullhttps://chat.example.org', false],
    ['', false],
  ])('%s is below https://*.example.org: %s', (origin, matches) =>
    expect(matchesOrigin(patterns('https://a.test,https://*.example.org'), origin)).toBe(matches),
  );

  it('is compared without its default port and in small letters', () => {
    const list = patterns('https://example.org,http://example.org:3000,https://*.example.org:8443');
    expect(matchesOrigin(list, 'https://EXAMPLE.org:443')).toBe(true);
    expect(matchesOrigin(list, 'http://example.org:3000')).toBe(true);
    expect(matchesOrigin(list, 'https://x.example.org:8443')).toBe(true);
    expect(matchesOrigin(list, 'http://example.org')).toBe(false);
    expect(matchesOrigin(list, 'https://x.example.org')).toBe(false);
  });
});
