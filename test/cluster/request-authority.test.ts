import type { IncomingMessage } from 'node:http';
import { expect, it } from 'vitest';
import { createAuthorityCheck } from '../../src/cluster/request-authority.ts';

type Head = Parameters<ReturnType<typeof createAuthorityCheck>>[0];

/** A request as Node gives it: the first of several Host headers is the one in `headers`. */
function head(
  hosts: readonly string[],
  more: Partial<Pick<IncomingMessage, 'method' | 'url' | 'httpVersion'>> = {},
): Head {
  return {
    method: 'GET',
    url: '/status',
    httpVersion: '1.1',
    headers: hosts[0] === undefined ? {} : { host: hosts[0] },
    rawHeaders: [
      'Accept',
      '*/*',
      ...hosts.flatMap((host, index) => [index === 0 ? 'HOST' : 'hOst', host]),
      'Post',
      'x',
    ],
    ...more,
  };
}

it.each([
  'localhost',
  'LOCALHOST:3000',
  'chat.example.org.',
  'io_nodes',
  'xn--bcher-kva.example:443',
  '127.0.0.1:',
  '[::1]:3000',
  '[2001:db8::1]',
])('a request may name the host %s, which is then not parsed again', (host) => {
  const faultOf = createAuthorityCheck();
  expect([faultOf(head([host])), faultOf(head([host]))]).toEqual([undefined, undefined]);
});

it.each([
  'localhost:80\\@evil',
  'evil@localhost',
  'localhost/evil',
  'localhost?evil',
  'localhost#evil',
  'localhost evil',
  ' localhost',
  'local\thost',
  'local\u0000host',
  'local\u00adhost',
  'local%68ost',
  'localhost,evil',
  'localhost:80:80',
  'localhost:port',
  'localhost:99999',
  '[::1',
  '::1',
  '[localhost]',
  '1.2.3.4.5',
  ':3000',
  '',
])('a request may not name the host %j, neither at first nor after a good one', (host) => {
  const faultOf = createAuthorityCheck();
  const fault = 'Host: must be a host name or an address, and a port at most';
  expect(faultOf(head([host]))).toBe(fault);
  expect(faultOf(head(['localhost']))).toBeUndefined();
  expect(faultOf(head([host]))).toBe(fault);
});

it('a request names its host once, and HTTP/1.0 may leave it out', () => {
  const faultOf = createAuthorityCheck();
  for (const second of ['localhost', 'evil', ''])
    expect(faultOf(head(['localhost', second]))).toBe('Host: must be given once');
  expect(faultOf(head([]))).toBe('Host: must be given');
  expect(faultOf(head([], { httpVersion: '1.0' }))).toBeUndefined();
  expect(faultOf(head(['localhost', 'evil'], { httpVersion: '1.0' }))).toBe('Host: must be given once');
});

it('a request asks for a path, or for the server as a whole', () => {
  const faultOf = createAuthorityCheck();
  for (const url of ['http://evil/status', 'http://localhost/status', 'evil:80', '*', ''])
    expect([url, faultOf(head(['localhost'], { url }))]).toEqual([url, 'target: must begin with /']);
  expect(faultOf(head(['localhost'], { url: '*', method: 'OPTIONS' }))).toBeUndefined();
});
