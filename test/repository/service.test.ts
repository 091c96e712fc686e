import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseConfiguration } from '../../src/config/configuration.ts';
import { SETTINGS } from '../../src/config/settings.ts';

/** `section.key` with all its values, as systemd reads them. */
function units(text: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  let section = '';
  for (const line of text.split('\n').filter((text) => text !== '' && !text.startsWith('#'))) {
    const header = /^\[(\w+)\]$/.exec(line)?.[1];
    if (header !== undefined) section = header;
    else {
      const at = line.indexOf('=');
      const key = `${section}.${line.slice(0, at)}`;
      found.set(key, [...(found.get(key) ?? []), line.slice(at + 1)]);
    }
  }
  return found;
}

const text = readFileSync(new URL('../../deploy/roomcast.service', import.meta.url), 'utf8');
const unit = units(text);
const { scripts } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
const value = (key: string) => unit.get(key)?.join(' ');

describe('the systemd unit', () => {
  it('runs what npm start runs', () => {
    expect(value('Service.ExecStart')).toBe('/usr/bin/node dist/main.js start');
    expect(scripts.start.endsWith('exec node dist/main.js start')).toBe(true);
  });

  it('starts the primary again whenever it ends, without ever giving up', () => {
    expect(value('Service.Restart')).toBe('always');
    expect(value('Unit.StartLimitIntervalSec')).toBe('0');
  });

  it('asks the primary alone to drain, and waits longer than a drain takes', () => {
    expect(value('Service.Type')).toBe('exec');
    expect(value('Service.KillSignal')).toBe('SIGTERM');
    expect(value('Service.KillMode')).toBe('mixed');
    expect(Number(value('Service.TimeoutStopSec'))).toBeGreaterThan(
      SETTINGS.drainS.fallback + SETTINGS.drainDelayS.fallback,
    );
  });

  it('reloads the workers with the signal that means a rolling reload', () => {
    expect(value('Service.ExecReload')).toBe('/bin/kill -HUP $MAINPID');
  });

  it('may write where its data is, and runs as nobody else', () => {
    const env = Object.fromEntries((unit.get('Service.Environment') ?? []).map((pair) => pair.split('=')));
    expect(parseConfiguration(env, { defaultWorkers: 1, terminal: false })).toMatchObject({
      ok: true,
      warnings: [],
    });
    expect(env.DATA_DIR).toBe(`/var/lib/${value('Service.StateDirectory')}`);
    expect(value('Service.DynamicUser')).toBe('yes');
  });

  it('lets V8 compile: memory must become executable after it was written', () => {
    expect(unit.has('Service.MemoryDenyWriteExecute')).toBe(false);
  });

  it('has open files for ten thousands of clients', () => {
    expect(Number(value('Service.LimitNOFILE'))).toBeGreaterThanOrEqual(65_536);
  });

  it('goes on with the other workers when the kernel kills one for its memory', () => {
    expect(value('Service.OOMPolicy')).toBe('continue');
  });

  it('leaves a part of the memory to the rest of the machine', () => {
    expect(value('Service.MemoryMax')).toBe('75%');
    expect(Number(value('Service.TasksMax'))).toBeGreaterThan(0);
  });

  const { stdout } = spawnSync('systemd-analyze', ['--version'], { encoding: 'utf8' });
  /** Earlier ones judge the units that run only. */
  const canJudgeFiles = Number(/^systemd (\d+)/.exec(stdout ?? '')?.[1] ?? 0) >= 251;

  it.runIf(canJudgeFiles)('is what systemd understands, and exposes little', () => {
    const folder = mkdtempSync(join(tmpdir(), 'roomcast-unit-'));
    try {
      const file = join(folder, 'roomcast.service');
      writeFileSync(file, text.replace('/usr/bin/node', process.execPath));
      const verified = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' });
      expect([verified.stdout, verified.stderr, verified.status]).toEqual(['', '', 0]);
      // From 0 for none to 100: a unit without any of these settings has 96.
      execFileSync('systemd-analyze', ['security', '--offline=true', '--threshold=15', file]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
