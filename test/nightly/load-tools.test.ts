import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemFixture } from '../support/fixture.ts';

const run = promisify(execFile);
/** The version that the script's comment names. */
const ARTILLERY = 'artillery@2.0.34';
/** Artillery needs Node 22.18. */
const NODE = `node-${process.platform}-${process.arch}@24`;
const scriptOf = (name: string) => fileURLToPath(new URL(`../load/${name}`, import.meta.url));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'roomcast-load-tools-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('people’s own load testers', () => {
  const { at } = systemFixture('embedded');

  it('let Artillery join rooms and talk, without a failed visitor', async () => {
    const output = join(folder, 'artillery.json');
    const target = new URL(at(0)).origin;
    const artillery = `artillery run --target ${target} --output ${output} ${scriptOf('artillery.yml')}`;
    await run('npm', ['exec', '--yes', `--package=${ARTILLERY}`, `--package=${NODE}`, '--call', artillery], {
      cwd: folder,
      env: { ...process.env, ARTILLERY_DISABLE_TELEMETRY: 'true' },
      maxBuffer: 64 * 1024 * 1024,
    });

    const { counters } = JSON.parse(await readFile(output, 'utf8')).aggregate;
    expect(counters['vusers.failed']).toBe(0);
    // A join and five messages of each.
    expect(counters['socketio.emit']).toBe(6 * counters['vusers.created']);
    expect(counters['vusers.completed']).toBe(counters['vusers.created']);
  });

  it('let the k6 script talk, run here on a WebSocket of Node', async () => {
    const seen = await runScript({ URL: at(0).replace(/^http/, 'ws'), SAY_EVERY_MS: '100', STAY_MS: '2000' });

    expect(seen.failed).toEqual([]);
    expect(seen.values.roomcast_ack_time?.length).toBeGreaterThan(5);
    expect(seen.values.roomcast_delivery_time?.length).toBeGreaterThan(5);
    expect(seen.values.roomcast_refused).toBeUndefined();
  });
});

interface Seen {
  readonly values: Record<string, number[]>;
  /** Names of the checks that did not hold. */
  readonly failed: string[];
}

/** k6 cannot be had here, so its modules are replaced by those of Node with the same calls. */
async function runScript(env: Readonly<Record<string, string>>): Promise<Seen> {
  const outfile = join(folder, 'k6.mjs');
  const modules: Readonly<Record<string, string>> = {
    k6: 'export const { check } = globalThis.k6;',
    'k6/metrics': 'export const { Counter, Trend } = globalThis.k6;',
    'k6/timers':
      'const { clearInterval, setInterval, setTimeout } = globalThis; export { clearInterval, setInterval, setTimeout };',
    'k6/websockets': 'export const { WebSocket } = globalThis.k6;',
  };
  await build({
    entryPoints: [scriptOf('k6.js')],
    outfile,
    bundle: true,
    format: 'esm',
    logLevel: 'silent',
    plugins: [
      {
        name: 'k6',
        setup(building) {
          building.onResolve({ filter: /^k6/ }, ({ path }) => ({ path, namespace: 'k6' }));
          building.onLoad({ filter: /.*/, namespace: 'k6' }, ({ path }) => ({
            contents: modules[path] ?? '',
          }));
        },
      },
    ],
  });
  const seen: Seen = { values: {}, failed: [] };
  class Metric {
    private readonly name: string;
    constructor(name: string) {
      this.name = name;
    }
    add(value: number): void {
      seen.values[this.name] = [...(seen.values[this.name] ?? []), value];
    }
  }
  function check(value: unknown, checks: Readonly<Record<string, (value: unknown) => boolean>>): void {
    for (const [name, holds] of Object.entries(checks)) if (!holds(value)) seen.failed.push(name);
  }
  const { WebSocket } = await import('ws');
  const closed: Promise<unknown>[] = [];
  class WatchedSocket extends WebSocket {
    constructor(url: string) {
      super(url);
      closed.push(new Promise((resolve) => this.once('close', resolve)));
    }
  }
  Object.assign(globalThis, {
    __ENV: env,
    __VU: 1,
    k6: { check, Counter: Metric, Trend: Metric, WebSocket: WatchedSocket },
  });
  const { default: visit } = await import(pathToFileURL(outfile).href);
  visit();
  await Promise.all(closed);
  return seen;
}
