import { describe, expect, it } from 'vitest';
import { findingFrom } from '../../../src/cli/doctor/finding.ts';
import { checkNginxConfig } from '../../../src/cli/doctor/nginx-check.ts';
import { type Directive, parseNginx } from '../../../src/cli/doctor/nginx-parser.ts';
import { renderNginx } from '../../../src/cli/nginx-config.ts';
import { NGINX_SETTINGS, nginxOptions } from '../../support/nginx-settings.ts';

const NONE = { read: () => [] };
const shape = (directives: readonly Directive[]): unknown[] =>
  directives.map(({ name, args, block }) => [name, ...args, ...(block ? [shape(block)] : [])]);

describe('the parser of nginx configs', () => {
  it('takes quotes, comments, variables and nested blocks', () => {
    const text = `http { # a { comment
      map "$a b" \${x} { "" '; }'; ~*^w$ 1; }
      server { location ~ \\.php$ { return 200 "a \\" b"; } } }`;
    expect(shape(parseNginx(text, NONE))).toEqual([
      [
        'http',
        [
          [
            'map',
            '$a b',
            '\u0024{x}',
            [
              ['', '; }'],
              ['~*^w$', '1'],
            ],
          ],
          ['server', [['location', '~', '\\.php$', [['return', '200', 'a \\" b']]]]],
        ],
      ],
    ]);
  });

  it('takes what a file includes, and ends where files include each other', () => {
    const files = { read: (pattern: string) => (pattern === 'a' ? ['b 1; include a;'] : []) };
    const names = parseNginx('include a; c;', files).map(({ name }) => name);
    expect([names[0], names.at(-1), names.length]).toEqual(['b', 'c', 11]);
  });

  it.each(['', '}', '{', 'a {', '"open', 'a; } b;'])('ends on a text that is no config: %j', (text) => {
    expect(() => parseNginx(text, NONE)).not.toThrow();
  });
});

describe('the check of an nginx config', () => {
  const rendered = renderNginx(
    nginxOptions({ hosts: [{ address: '10.0.0.1', basePort: 6001, workers: 2 }] }),
  );
  const check = (text: string) => checkNginxConfig(parseNginx(text, NONE), NGINX_SETTINGS);

  it('finds nothing in what roomcast nginx prints', () => {
    expect(check(rendered)).toEqual([]);
  });

  it('says what the usual sample of a WebSocket proxy lacks', () => {
    const sample = `http { upstream chat { server 10.0.0.1:6001; server 10.0.0.1:6002; }
      server { listen 80; location / { proxy_pass http://chat; } } }`;
    const problems = check(sample).map(({ problem }) => problem);
    for (const part of [
      'counts failures',
      'spreads the requests',
      'WebSocket cannot pass',
      'the name of the site',
      'the addresses of clients',
      'client_max_body_size',
    ])
      expect(problems).toContainEqual(expect.stringContaining(part));
    // 60 s, nginx's own, are above a heartbeat of 45 s.
    expect(problems.join()).not.toContain('timeout is');
  });

  it('takes the headers of the nearest block that has any', () => {
    const text = rendered.replace(
      'proxy_buffering off;',
      'proxy_buffering off; proxy_set_header X-Forwarded-For $remote_addr;',
    );
    const problems = check(text).map(({ problem }) => problem);
    expect(problems).toContainEqual(expect.stringContaining('WebSocket cannot pass'));
  });

  it('adds up a time of several parts', () => {
    const text = rendered.replace(/proxy_read_timeout [^;]+;/g, 'proxy_read_timeout 0m30s;');
    expect(check(text)).toMatchObject([{ problem: expect.stringContaining('proxy_read_timeout is 30 s') }]);
  });

  const direct = (port: number, rest = 'proxy_http_version 1.1;') => `http { server { listen 80;
    location / { proxy_pass http://127.0.0.1:${port}; ${rest} proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade; proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr;
      client_max_body_size 2m; } } }`;

  it('knows a proxy_pass to one worker without an upstream', () => {
    expect(check(direct(6002))).toMatchObject([
      { problem: expect.stringContaining('names the worker on port 6002 alone: the other 1 get no clients') },
    ]);
    expect(check(direct(6002, '')).map(({ problem }) => problem)).toContainEqual(
      expect.stringContaining('WebSocket cannot pass'),
    );
    const one = { ...NGINX_SETTINGS, workers: 1 };
    expect(checkNginxConfig(parseNginx(direct(6001), NONE), one)).toEqual([]);
  });

  it('knows an nginx in front of the front door, with an upstream or without', () => {
    const settings = { ...NGINX_SETTINGS, front: true, port: 3000 };
    const upstream = direct(3000)
      .replace('127.0.0.1:3000', 'chat')
      .replace('http {', 'http { upstream chat { server 127.0.0.1:3000; }');
    for (const text of [direct(3000), upstream])
      expect(checkNginxConfig(parseNginx(text, NONE), settings)).toEqual([]);
    expect(check(direct(3000))).toHaveLength(1);
  });

  it('says that no upstream is of this host', () => {
    expect(check(rendered.replaceAll(':600', ':700'))).toMatchObject([
      { problem: 'no upstream or proxy_pass names a worker of this host (ports 6001 to 6002)' },
    ]);
  });
});

describe('a finding', () => {
  it.each([
    ['It is so: bad. Set `a b`.', 'It is so: bad', 'Set `a b`'],
    [
      'Redis at 10.0.0.1:6379 is 7.0.1 of x. Upgrade it',
      'Redis at 10.0.0.1:6379 is 7.0.1 of x',
      'Upgrade it',
    ],
    [
      'HISTROY is not a setting; did you mean HISTORY_SIZE?',
      'HISTROY is not a setting',
      'Write HISTORY_SIZE if you mean that',
    ],
    ['A warning without an instruction', 'A warning without an instruction', ''],
  ])('takes its instruction from the end of a text: %s', (text, problem, fix) => {
    expect(findingFrom('store', text)).toEqual({ subject: 'store', problem, fix });
  });
});
