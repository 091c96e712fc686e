import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LoadResult } from '../../src/load/result.ts';
import { runRoomcast } from '../support/cluster.ts';
import { systemFixture } from '../support/fixture.ts';
import { type ChatFaults, openS3Chat, openTutorialChat, type PlainChat } from '../support/plain-chat.ts';

const SAMPLE = fileURLToPath(new URL('../load/chat-example.mjs', import.meta.url));
/** Limits that a busy machine does not reach: these runs are about messages. */
const PATIENT = ['--max-lag', '1h', '--max-errors', '100%', '--max-p99', '1h'];
const SMALL = [
  '--clients',
  '20',
  '--ramp',
  '200/s',
  '--processes',
  '1',
  '--rate',
  '200/s',
  '--duration',
  '1s',
];
/** A delivery in the middle of the run. */
const AT = 300;

let folder: string;
let files = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roomcast-dialects-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function load(args: readonly string[]) {
  files += 1;
  const file = join(folder, `${files}.json`);
  const run = runRoomcast(['load', ...args, '--json', file], {});
  const [code] = await once(run.child, 'exit');
  const result: LoadResult = JSON.parse(await readFile(file, 'utf8').catch(() => 'null'));
  return { code, result, ...run.output() };
}

async function loadChat(
  open: (faults: ChatFaults) => Promise<PlainChat>,
  faults: ChatFaults,
  args: readonly string[],
) {
  const chat = await open(faults);
  try {
    return await load([chat.url, ...SMALL, ...PATIENT, ...args]);
  } finally {
    await chat.close();
  }
}

const S3 = ['--dialect', 's3', '--rooms', '2'];
const TUTORIAL = ['--dialect', SAMPLE, '--rooms', '1'];

async function moduleOf(source: string): Promise<string> {
  files += 1;
  const file = join(folder, `${files}.mjs`);
  await writeFile(file, source);
  return file;
}

describe('a load run on a server that numbers nothing', () => {
  it('finds no fault in a chat with rooms, of which clients come and go', async () => {
    const { code, result } = await loadChat(openS3Chat, {}, [...S3, '--churn', '5/s', '--transport', 'mix']);
    expect(result.verdict).toMatchObject({ outcome: 'good', findings: [], comparedShare: 1 });
    expect(result.totals.delivered).toBeGreaterThan(0);
    expect(code).toBe(0);
  });

  it('finds no fault in the tutorial’s chat, with the sample of the README', async () => {
    const { code, result } = await loadChat(openTutorialChat, {}, TUTORIAL);
    expect(result.verdict).toMatchObject({ outcome: 'good', findings: [], comparedShare: 1 });
    expect(result.totals.delivered).toBeGreaterThan(0);
    expect(result.verdict.notChecked.join(' ')).toContain('it acknowledges nothing');
    expect(code).toBe(0);
  });

  it.each([
    ['lost', { copies: (count: number) => (count === AT ? 0 : 1) }],
    ['repeated', { copies: (count: number) => (count === AT ? 2 : 1) }],
  ] as const)('finds that a message is %s', async (kind, faults) => {
    const { code, result } = await loadChat(openTutorialChat, faults, TUTORIAL);
    expect(result.verdict.wrong).toMatchObject({ lost: 0, repeated: 0, leaked: 0, swapped: 0, [kind]: 1 });
    expect(code).toBe(1);
  });

  it('finds that a message reaches another room', async () => {
    const alsoTo = (room: string, said: number) => {
      if (said < 50 || said > 52) return undefined;
      return room.endsWith('0') ? room.replace(/0$/, '1') : room.replace(/1$/, '0');
    };
    const { code, result } = await loadChat(openS3Chat, { alsoTo }, S3);
    expect(result.verdict.wrong).toMatchObject({ lost: 0, repeated: 0, leaked: 30 });
    expect(code).toBe(1);
  });
});

describe('two servers by turns', () => {
  it('get the same load and are compared, each judged by itself', async () => {
    const chats = [
      await openS3Chat(),
      await openTutorialChat({ copies: (count: number) => (count === 100 ? 2 : 1) }),
    ] as const;
    try {
      const [first, second] = chats;
      const report = join(folder, 'versus.html');
      const vs = ['--dialect', 's3', '--vs', second.url, '--vs-dialect', SAMPLE, '--rooms', '1'];
      const { code, result, stdout } = await load([
        first.url,
        ...vs,
        ...SMALL,
        ...PATIENT,
        '--report',
        report,
      ]);
      expect(result.verdict).toMatchObject({ outcome: 'good', findings: [] });
      const { versus } = result;
      expect(versus?.second.verdict).toMatchObject({ outcome: 'wrong', wrong: { repeated: 1, lost: 0 } });
      expect(versus?.turns).toHaveLength(2);
      expect(versus?.ratios.map(({ name }) => name)).toEqual(
        expect.arrayContaining(['delivered/s', 'p50 ms', 'p99 ms']),
      );
      expect(stdout).toContain(`B: ${second.url}: wrong: 1 message was repeated.`);
      expect(await readFile(report, 'utf8')).toContain(`Compared with ${second.url}`);
      expect(code).toBe(0);
    } finally {
      for (const chat of chats) await chat.close();
    }
  });
});

describe('a dialect’s module', () => {
  it('says what is wrong with a module before anything starts, or when it throws', async () => {
    const whole = await readFile(SAMPLE, 'utf8');
    const lacking = await moduleOf(whole.replace('export function leave', 'function leave'));
    const refused = await load(['http://127.0.0.1:1', '--dialect', lacking]);
    expect(refused.stderr).toContain(`--dialect ${lacking}: it exports no function leave`);
    expect(refused.code).toBe(3);
    const bad = await moduleOf(whole.replace("event === 'chat message' ?", 'event.nothing.at ?'));
    const { code, stderr } = await loadChat(openTutorialChat, {}, ['--dialect', bad, '--rooms', '1']);
    expect(stderr).toMatch(/: onMessage threw TypeError: /);
    expect(code).toBe(3);
  });
});

describe('roomcast load with a dialect', () => {
  const stage = systemFixture('embedded');
  const url = () => stage.system.hosts[0]?.url as string;

  it('loads Roomcast in the words of the multi-room source', async () => {
    const { code, result } = await load([url(), ...SMALL, ...PATIENT, ...S3]);
    expect(result.verdict).toMatchObject({ outcome: 'good', findings: [] });
    expect(result.totals.delivered).toBeGreaterThan(0);
    expect(code).toBe(0);
  });
});

it('shows the sample in the README as it is', async () => {
  const readme = await readFile(new URL('../../src/load/README.md', import.meta.url), 'utf8');
  expect(readme).toContain(await readFile(SAMPLE, 'utf8'));
});
