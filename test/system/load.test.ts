import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXAMPLES } from '../../src/cli/load.ts';
import type { LoadResult } from '../../src/load/result.ts';
import { type Run, runRoomcast } from '../support/cluster.ts';
import { type Defects, openDefectiveChat } from '../support/defective-chat.ts';
import { eventually } from '../support/eventually.ts';
import { systemFixture } from '../support/fixture.ts';
import { freePorts } from '../support/ports.ts';
import { UNEVEN } from '../support/profiles.ts';

const STARVE = fileURLToPath(new URL('../support/starve.mjs', import.meta.url));
/** Limits that a busy machine does not reach: these runs are about messages. */
const PATIENT = ['--max-lag', '1h', '--max-errors', '100%', '--max-p99', '1h'];
const SMALL = ['--clients', '40', '--rooms', '2', '--ramp', '200/s', '--processes', '1'];

let folder: string;
let files = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roomcast-load-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

interface Outcome {
  readonly code: unknown;
  readonly stderr: string;
  readonly result: LoadResult;
}

function start(args: readonly string[], env: Record<string, string> = {}): { run: Run; file: string } {
  files += 1;
  const file = join(folder, `${files}.json`);
  return { run: runRoomcast(['load', ...args, '--json', file], env), file };
}

async function outcomeOf({ run, file }: ReturnType<typeof start>): Promise<Outcome> {
  const code = run.child.exitCode ?? (await once(run.child, 'exit'))[0];
  const { stderr } = run.output();
  const text = await readFile(file, 'utf8').catch(() => 'null');
  return { code, stderr, result: JSON.parse(text) };
}

async function loadChat(
  defects: Defects,
  args: readonly string[] = PATIENT,
  env: Record<string, string> = {},
): Promise<Outcome> {
  const chat = await openDefectiveChat(defects);
  try {
    const load = ['--rate', '300/s', '--duration', '2500ms'];
    const outcome = await outcomeOf(start([chat.url, ...SMALL, ...load, ...args], env));
    if (!outcome.result) throw new Error(`no result, exit ${outcome.code}: ${outcome.stderr}`);
    return outcome;
  } finally {
    await chat.close();
  }
}

/** Every message of one of the members to whom the defect is done, the 30th on. */
const AT = 30;

const withSeq = (frame: string, seq: number) => frame.replace(/"seq":\d+/, `"seq":${seq}`);

describe.concurrent('a load run finds', () => {
  it('no fault if the store comes back empty and clients are told', async () => {
    const { code, result } = await loadChat({
      afterSay: (chat, count) => {
        // Early: a busy machine says few more, and its clients come back while the run still talks.
        if (count === AT) chat.beginEpoch();
      },
    });
    expect(result.totals.cut).toBe(40);
    expect(result.verdict).toMatchObject({ outcome: 'good', findings: [], comparedShare: 1 });
    expect(code).toBe(0);
  });

  it('that two processes got two messages the other way round, at the end of a short room', async () => {
    let firstNet: string | undefined;
    const held = new Map<object, string>();
    const args = [...PATIENT, '--processes', '2', '--rooms', '1', '--rate', '10/s'];
    const { code, result } = await loadChat(
      {
        deliver(frame, member) {
          firstNet ??= member.network;
          const seq = Number(/"seq":(\d+)/.exec(frame)?.[1]);
          if (member.network === firstNet || (seq !== 5 && seq !== 6)) return [frame];
          if (seq === 5) held.set(member, frame);
          const first = held.get(member) ?? '';
          return seq === 5 ? [] : [withSeq(frame, 5), withSeq(first, 6)];
        },
      },
      args,
    );
    expect(result.totals.said).toBeLessThan(64);
    expect(result.verdict.findings.map(({ detail }) => detail).join()).toContain('in two processes');
    expect(result.verdict.comparedShare).toBe(1);
    expect(code).toBe(1);
  });

  it('no fault in a chat without one', async () => {
    const { code, result } = await loadChat({});
    expect(result.verdict).toMatchObject({ outcome: 'good', findings: [], notChecked: [], comparedShare: 1 });
    expect(result.totals.delivered).toBe(result.totals.said * 20);
    expect(result.totals.said).toBeGreaterThan(300);
    expect(code).toBe(0);
  });

  it('that one delivery in 10,000 is lost', async () => {
    const { code, result } = await loadChat(
      {
        deliver: (frame, _member, count) => (count === 10_000 ? [] : [frame]),
      },
      [...PATIENT, '--duration', '4s'],
    );
    expect(result.totals.delivered).toBeGreaterThan(9_999);
    expect(result.verdict).toMatchObject({ outcome: 'wrong', wrong: { lost: 1, repeated: 0, swapped: 0 } });
    expect(result.verdict.findings).toMatchObject([{ kind: 'lost' }]);
    expect(code).toBe(1);
  });

  it('that a delivery is repeated', async () => {
    const { code, result } = await loadChat({
      deliver: (frame, _member, count) => (count === 1_000 ? [frame, frame] : [frame]),
    });
    expect(result.verdict).toMatchObject({ outcome: 'wrong', wrong: { lost: 0, repeated: 1, swapped: 0 } });
    expect(code).toBe(1);
  });

  it('that two deliveries are swapped', async () => {
    let chosen: object | undefined;
    let held: string | undefined;
    let count = 0;
    const { code, result } = await loadChat({
      deliver(frame, member) {
        chosen ??= member;
        if (member !== chosen) return [frame];
        count += 1;
        if (count === AT) held = frame;
        if (count === AT) return [];
        return count === AT + 1 ? [frame, held ?? ''] : [frame];
      },
    });
    expect(result.verdict).toMatchObject({ outcome: 'wrong', wrong: { lost: 0, repeated: 0, swapped: 1 } });
    expect(code).toBe(1);
  });

  it('that a message reaches another room', async () => {
    const { code, result } = await loadChat({
      alsoTo: (room, members, seq) =>
        seq === AT && room.endsWith('-0') ? members.filter((each) => each.room !== room).slice(0, 1) : [],
    });
    expect(result.verdict).toMatchObject({ outcome: 'wrong', wrong: { lost: 0, repeated: 0, leaked: 1 } });
    expect(code).toBe(1);
  });

  it('that somebody is listed who is not there', async () => {
    const { code, result } = await loadChat({ alsoListed: ['nobody'] });
    expect(result.verdict).toMatchObject({ outcome: 'wrong', wrong: { lost: 0, ghost: 2, unlisted: 0 } });
    expect(result.verdict.findings[0]?.detail).toMatch(/^nobody is listed in load-/);
    expect(code).toBe(1);
  });

  it('that a text is changed on its way', async () => {
    const { code, result } = await loadChat({
      deliver: (frame, _member, count) => (count === 1_000 ? [frame.replace('shall', 'shaII')] : [frame]),
    });
    expect(result.verdict).toMatchObject({ outcome: 'wrong', wrong: { phantom: 1 } });
    expect(code).toBe(1);
  });

  it('that a packet is malformed, and goes on', async () => {
    const { code, result } = await loadChat({
      deliver: (frame, _member, count) => (count === 1_000 ? [frame, '42["joined",null]'] : [frame]),
    });
    expect(result.verdict).toMatchObject({ outcome: 'wrong', wrong: { phantom: 1 } });
    expect(result.verdict.findings[0]?.detail).toMatch(/^client \d+ got a malformed packet of 17 bytes$/);
    expect(result.totals.said).toBeGreaterThan(300);
    expect(code).toBe(1);
  });

  it('that a message is delivered although it was refused', async () => {
    const { code, result } = await loadChat({
      answer: (answer, count) => (count === AT ? { ok: false, error: { code: 'forbidden' } } : answer),
    });
    expect(result.verdict).toMatchObject({ outcome: 'wrong', wrong: { phantom: 1, lost: 0 } });
    expect(code).toBe(1);
  });

  it('that a server does not say what clients missed that come back', async () => {
    const { code, result } = await loadChat({
      joined: (joined) => ({ ...joined, recovered: undefined }),
      afterSay: ({ members }, count) => {
        if (count === AT) for (const { socket } of members.slice(0, 10)) socket.close();
      },
    });
    expect(result.totals).toMatchObject({ cut: 10, reportedGone: 0 });
    expect(result.verdict).toMatchObject({ outcome: 'wrong', wrong: { repeated: 0, swapped: 0 } });
    expect(result.verdict.wrong.lost).toBeGreaterThan(0);
    expect(code).toBe(1);
  });

  // All of them come after the load has ended.
  it('a limit missed, if messages take longer than they may', async () => {
    const { code, result } = await loadChat({ delayMs: 3_000 }, [...PATIENT, '--max-p99', '100ms']);
    expect(result.verdict.outcome).toBe('threshold-missed');
    expect(result.verdict.reasons[0]).toMatch(/^p99 was \d+\.\d ms, above 100 ms/);
    expect(code).toBe(2);
  });

  it('itself too slow rather than the server, if the driver gets no CPU', async () => {
    const limits = ['--max-p99', '1ms', '--max-lag', '50ms'];
    const { code, result } = await loadChat({}, limits, { NODE_OPTIONS: `--import ${STARVE}` });
    expect(result.verdict.outcome).toBe('driver-too-slow');
    expect(result.driver.loopDelayP99Ms).toBeGreaterThan(50);
    expect(code).toBe(4);
  });
});

describe('a load run with a profile', () => {
  it('takes what it says from the profile, and from options beside it', async () => {
    const chat = await openDefectiveChat();
    try {
      const file = join(folder, 'profile.json');
      await writeFile(file, JSON.stringify({ ...UNEVEN, privatePerS: 0 }));
      const beside = ['--transport', 'websocket', '--churn', '0', '--duration', '2s', ...PATIENT];
      const { code, stderr, result } = await outcomeOf(start([chat.url, '--profile', file, ...beside]));
      expect([code, stderr]).toEqual([0, '']);
      const { config, totals, verdict } = result;
      expect(config).toMatchObject({ clients: 40, rooms: 6, skew: 'profile', ratePerS: 45, churnPerS: 0 });
      expect(config.replay).toMatchObject({ roomSizes: UNEVEN.rooms, textSizes: expect.any(Array) });
      expect(totals.delivered).toBeGreaterThan(totals.said);
      expect(verdict).toMatchObject({ outcome: 'good', findings: [] });
    } finally {
      await chat.close();
    }
  });

  it.each([
    ['no JSON', /is no JSON/],
    ['{"format": 2}', /has format 2, of a newer Roomcast: this one reads format 1/],
    ['{"format": 1}', /is no profile of "roomcast profile"/],
  ])('refuses a file that is none: %s', async (text, problem) => {
    const file = join(folder, 'bad.json');
    await writeFile(file, text);
    const { code, stderr } = await outcomeOf(start(['http://127.0.0.1:3000', '--profile', file]));
    expect([code, stderr]).toEqual([3, expect.stringMatching(problem)]);
  });
});

describe('roomcast load', () => {
  const stage = systemFixture('embedded');
  const url = () => stage.system.hosts[0]?.url as string;

  it.each(EXAMPLES)('works as its help says: %s', async (example) => {
    // The URL and what takes long are replaced; an option that is given again counts as given last.
    const words = (example.match(/'[^']*'|\S+/g) ?? []).map((word) => word.replaceAll("'", '')).slice(2);
    const args = words.map((word) => (word.startsWith('http') ? url() : word));
    if (args.includes('--fault')) args.push('--fault', 'kill-worker@1s');
    if (args.includes('--steps')) args.push('--steps', '20,40');
    const shorter = ['--clients', '30', '--rooms', '3', '--rate', '40/s', '--duration', '2500ms'];
    const { code, stderr, result } = await outcomeOf(start([...args, ...shorter, ...PATIENT]));
    expect(stderr).toBe('');
    expect(result.verdict).toMatchObject({ outcome: 'good', findings: [] });
    expect(result.faults).toHaveLength(args.includes('--fault') ? 1 : 0);
    expect(result.steps).toHaveLength(args.includes('--steps') ? 2 : 0);
    expect(result.servers.length).toBeGreaterThan(0);
    expect(result.seconds.some(({ serverCores }) => (serverCores ?? 0) > 0)).toBe(true);
    expect(code).toBe(0);
  });

  it('takes polling clients and ends early on Ctrl-C, with a valid result and a report', async () => {
    const report = join(folder, 'report.html');
    const more = [
      '--report',
      report,
      '--transport',
      'mix',
      '--skew',
      'zipf',
      '--rate',
      '20/s',
      '--duration',
      '10m',
    ];
    const running = start([url(), '--clients', '20', '--rooms', '3', '--ramp', '50/s', ...more, ...PATIENT]);
    await eventually(() => expect(running.run.output().stdout).toContain('  load  '));
    running.run.child.kill('SIGINT');
    const { code, result } = await outcomeOf(running);
    expect(result).toMatchObject({ endedEarly: true, verdict: { outcome: 'good' } });
    expect(result.totals.delivered).toBeGreaterThan(0);
    expect(result.tookMs).toBeLessThan(300_000);
    expect(await readFile(report, 'utf8')).toContain('✓ Good');
    expect(code).toBe(0);
  });

  it('ends early on Ctrl-C while its clients still connect', async () => {
    const chat = await openDefectiveChat();
    try {
      const running = start([chat.url, '--clients', '500', '--rooms', '5', '--ramp', '5/s', ...PATIENT]);
      await eventually(() => expect(chat.members.length).toBeGreaterThan(0));
      running.run.child.kill('SIGINT');
      const { code, result } = await outcomeOf(running);
      expect(result).toMatchObject({ endedEarly: true, verdict: { outcome: 'threshold-missed' } });
      expect(result.verdict.reasons).toEqual(['The run ended before the load began.']);
      expect(code).toBe(2);
    } finally {
      await chat.close();
    }
  });

  it('says so if one of its driver processes is killed, and blames nobody', async () => {
    const chat = await openDefectiveChat();
    try {
      const running = start([chat.url, ...SMALL, '--duration', '10m', ...PATIENT]);
      await eventually(() => expect(chat.members.length).toBeGreaterThan(0));
      const { pid } = running.run.child;
      process.kill(Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()), 'SIGKILL');
      const { code, stderr } = await outcomeOf(running);
      expect(stderr).toContain('a driver process ended by SIGKILL');
      expect(code).toBe(4);
    } finally {
      await chat.close();
    }
  });

  it('injects no fault into a server that is not Roomcast', async () => {
    const chat = await openDefectiveChat();
    try {
      const { code, stderr } = await outcomeOf(start([chat.url, ...SMALL, '--fault', 'reload@1s']));
      expect(stderr).toMatch(/^roomcast load: --fault injects faults into Roomcast only, and process \d+ /);
      expect(code).toBe(3);
    } finally {
      await chat.close();
    }
  });

  it('explains what is wrong before anything starts', async () => {
    const port = await freePorts(1);
    const free = `http://127.0.0.1:${port}`;
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [[], /URL is needed/],
      [[url(), '--client', '5'], /--client is no option; did you mean --clients\?/],
      [
        [url(), '--rate', 'fast', '--duration', '60'],
        /--duration takes .*\n.*--rate takes a rate such as 200\/s/,
      ],
      [[url(), '--clients', '1m', '--processes', '1'], /run "ulimit -n \d+" first, or add --processes \d+/],
      [[free], /does not answer \(.*ECONNREFUSED.*\): start the server/],
      [[`${url()}/elsewhere/`], /which is no Socket\.IO: name the path/],
      [[url(), '--report', '/nowhere/r.html'], /--report names a file in \/nowhere, which does not exist/],
      [[url(), '--report', folder], /--report needs the name of a file/],
      [[url(), '--fault', 'redis-pause@1s:1s'], /the server has no Redis on this machine/],
    ];
    for (const [args, problem] of cases) {
      const { code, stderr } = await outcomeOf(start(args));
      expect(stderr).toMatch(problem);
      expect(code).toBe(3);
    }
  });
});
