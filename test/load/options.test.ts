import { describe, expect, it } from 'vitest';
import { planClients } from '../../src/load/plan/clients.ts';
import { readFaults } from '../../src/load/plan/faults.ts';
import { checkMachine } from '../../src/load/plan/machine-limits.ts';
import { readLoadOptions } from '../../src/load/plan/options.ts';
import { readCount, readDuration, readRate, readShare } from '../../src/load/plan/quantities.ts';
import { readServerUrl } from '../../src/load/plan/server-url.ts';

const URL = 'http://127.0.0.1:3000';
const read = (values: Record<string, string>, words: readonly string[] = [URL]) =>
  readLoadOptions(words, values, { cores: 2, seed: 7 });

describe('a quantity', () => {
  it.each([
    [readCount, '5000', 5_000],
    [readCount, '1.5k', 1_500],
    [readCount, '1.5', undefined],
    [readRate, '200/s', 200],
    [readRate, '2k', 2_000],
    [readRate, '30/m', 0.5],
    [readRate, 'fast', undefined],
    [readDuration, '60s', 60_000],
    [readDuration, '1.5m', 90_000],
    [readDuration, '500ms', 500],
    [readDuration, '60', undefined],
    [readShare, '5%', 0.05],
    [readShare, '0.05', 0.05],
    [readShare, '150%', undefined],
  ])('is read: %o %s', (reader, text, value) => {
    expect(reader(text)).toBe(value);
  });
});

describe('the options of a load run', () => {
  it('have defaults', () => {
    const { options, problems } = read({});
    expect(problems).toEqual([]);
    expect(options.config).toMatchObject({
      urls: [URL],
      clients: 5_000,
      rooms: 100,
      ratePerS: 200,
      durationMs: 60_000,
      rampPerS: 100,
      textBytes: 100,
      transport: 'websocket',
      skew: 'even',
      seed: 7,
      processes: 2,
      maxErrorShare: 0.01,
    });
    expect(options.config.maxP99Ms).toBeUndefined();
  });

  it('look for a p99 of 100 ms with steps, or for another that is given', () => {
    expect(read({ steps: '1k, 2k,4k' }).options.config).toMatchObject({
      stepRatesPerS: [1_000, 2_000, 4_000],
      maxP99Ms: 100,
    });
    expect(read({ steps: '1k', 'max-p99': '1s' }).options.config.maxP99Ms).toBe(1_000);
  });

  it('show every problem at once', () => {
    const { problems } = read(
      {
        clients: '10',
        rooms: '20',
        rate: 'fast',
        size: '5',
        steps: '2k,1k',
        transport: 'pigeon',
        skew: 'left',
      },
      ['chat'],
    );
    expect(problems.map((problem) => problem.split(' ')[0]).sort()).toEqual(
      ['--rate', '--rooms', '--size', '--skew', '--steps', '--transport', 'URL'].sort(),
    );
  });

  it('need a client for each process', () => {
    expect(read({ clients: '3', rooms: '3', processes: '4' }).problems).toEqual([
      '--processes 4 needs as many --clients; there are 3',
    ]);
  });

  it('name a dialect, and another server with its own', () => {
    const both = read({
      dialect: 's3',
      vs: 'http://127.0.0.1:4000,http://127.0.0.1:4001',
      'vs-dialect': './chat.mjs',
    });
    expect(both.problems).toEqual([]);
    expect(both.options).toMatchObject({ dialectName: 's3', config: { dialect: 's3' } });
    expect(both.options.versus?.servers.map(({ port }) => port)).toEqual([4_000, 4_001]);
    expect(both.options.versus?.dialectName).toMatch(/^file:.*\/chat\.mjs$/);
    expect(read({ vs: URL }).options.versus?.dialectName).toBe('roomcast');
  });

  it.each([
    [{ dialect: 's5' }, /^--dialect takes roomcast, s3, or a file such as \.\/chat\.mjs, not "s5"$/],
    [{ vs: 'chat' }, /^--vs must be an address/],
    [{ 'vs-dialect': 's3' }, /^--vs-dialect needs --vs/],
    [{ vs: URL, fault: 'kill-worker@1s' }, /^--fault and --vs cannot be combined/],
    [{ dialect: 's3', private: '5%' }, /^--private needs --dialect roomcast/],
    [{ vs: URL, 'vs-dialect': 's3', private: '5%' }, /^--private needs --dialect roomcast/],
  ])('explain what does not fit together: %o', (values, problem) => {
    expect(read(values as Record<string, string>).problems).toEqual([expect.stringMatching(problem)]);
  });

  it('allow a fault in any step', () => {
    const late = { duration: '10s', fault: 'kill-worker@15s' };
    expect(read({ ...late, steps: '1k,2k' }).problems).toEqual([]);
    expect(read(late).problems).toHaveLength(1);
  });

  it('take a short token secret for a mistake', () => {
    expect(read({ 'token-secret': 'short' }).problems).toEqual([
      '--token-secret has at least 32 bytes, as AUTH_SECRET of the servers',
    ]);
  });
});

describe('planned faults', () => {
  it('are read in the order of their times', () => {
    expect(readFaults('redis-pause@40s:5s, kill-worker@20s', 60_000)).toEqual({
      faults: [
        { name: 'kill-worker@20s', kind: 'kill-worker', atMs: 20_000, lastsMs: 0 },
        { name: 'redis-pause@40s:5s', kind: 'redis-pause', atMs: 40_000, lastsMs: 5_000 },
      ],
      problems: [],
    });
  });

  it.each([
    ['burn@20s', /kill-worker, worker-pause, redis-pause, reload/],
    ['kill-worker', /takes parts such as kill-worker@20s/],
    ['redis-pause@20s', /needs a length: redis-pause@20s:5s/],
    ['kill-worker@20s:5s', /has no length/],
    ['redis-pause@58s:5s', /after the load/],
  ])('are refused with what would be right: %s', (text, problem) => {
    expect(readFaults(text, 60_000).problems[0]).toMatch(problem);
  });
});

describe('a machine', () => {
  const files = (limit: number, range = '32768 60999') => ({
    readFile: (path: string) =>
      path === '/proc/self/limits'
        ? `Max open files            ${limit}                20000   files\n`
        : range,
  });
  const check = (url: string, clients: string, readFile: ReturnType<typeof files>) => {
    const { options } = read({ clients }, [url]);
    return checkMachine(options.config, options.servers, readFile);
  };

  it('is checked for its limit of open files', () => {
    expect(check(URL, '1000', files(1_024))).toEqual([]);
    expect(check(URL, '10k', files(1_024))[0]).toMatch(/run "ulimit -n 5064" first, or add --processes 11$/);
  });

  it('is checked for its source ports, unless each process has addresses of its own on loopback', () => {
    expect(check(URL, '50k', files(1_000_000))).toEqual([]);
    expect(check('http://chat.example.org', '50k', files(1_000_000))[0]).toMatch(
      /^50000 connections .* this machine has 28232: run "sysctl/,
    );
  });
});

describe('the address of a server', () => {
  it.each([
    ['http://localhost:3000/', { host: '127.0.0.1', port: 3_000, secure: false, socketPath: '/socket.io/' }],
    ['https://localhost:3443', { host: '127.0.0.1', name: 'localhost', port: 3_443, secure: true }],
    ['http://user:secret@chat', undefined],
    ['http://chat/?room=tea', undefined],
    ['https://chat.example.org', { host: 'chat.example.org', port: 443, secure: true }],
    ['http://[::1]:80/ws/socket.io', { host: '::1', port: 80, socketPath: '/ws/socket.io/' }],
    ['chat:3000', undefined],
  ])('is read: %s', (text, parts) => {
    if (parts === undefined) expect(readServerUrl(text)).toBeUndefined();
    else expect(readServerUrl(text)).toMatchObject(parts);
  });
});

describe('the clients of a plan', () => {
  const plan = (values: Record<string, string>, numberedBy: 'server' | 'sender' = 'server') => {
    const { options } = read(values);
    const { config, servers } = options;
    return planClients({ config, servers, runName: 'r-', numberedBy, tokenOf: undefined });
  };
  const sizesOf = ({ clients, rooms }: ReturnType<typeof plan>) =>
    rooms.map((room) => clients.filter((client) => client.room === room).length);

  it('fill rooms of one size, or a few large and many small ones', () => {
    expect(sizesOf(plan({ clients: '10', rooms: '4' }))).toEqual([3, 3, 2, 2]);
    const sizes = sizesOf(plan({ clients: '1000', rooms: '50', skew: 'zipf' }));
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(1_000);
    expect(sizes[0]).toBeGreaterThan(5 * (sizes[9] ?? 0));
    expect(Math.min(...sizes)).toBeGreaterThan(0);
  });

  it('keep a room in one process, unless it is larger than one process’s part', () => {
    const small = plan({ clients: '100', rooms: '10' });
    for (const room of small.rooms) {
      const processes = small.clients.filter((client) => client.room === room).map(small.processOf);
      expect(new Set(processes).size).toBe(1);
    }
    expect(new Set(small.clients.map(small.processOf)).size).toBe(2);
    const large = plan({ clients: '100', rooms: '1', processes: '2' });
    expect(new Set(large.clients.map(large.processOf)).size).toBe(2);
  });

  it('are spread over the processes by number if no process holds their room', () => {
    const small = plan({ clients: '6', rooms: '2', processes: '6' });
    expect(new Set(small.clients.map(small.processOf)).size).toBe(6);
  });

  it('are the same for the same seed, with one speaker in each room if speakers number the messages', () => {
    expect(plan({ clients: '50', rooms: '5', transport: 'mix' }).clients).toEqual(
      plan({ clients: '50', rooms: '5', transport: 'mix' }).clients,
    );
    const { clients } = plan({ clients: '50', rooms: '5' }, 'sender');
    expect(clients.filter(({ role }) => role === 'speaker')).toHaveLength(5);
  });
});
