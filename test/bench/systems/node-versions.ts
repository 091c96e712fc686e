import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { System } from './system.ts';

/** A Node that servers run on. */
export interface NodeVersion {
  /** Its major version. */
  readonly label: string;
  readonly executable: string;
}

/** Finds the Node of a major version: this one, or the npm package that contains it, installed beside the temporary files. */
export function openNodeVersion(label: string): NodeVersion {
  if (!/^\d+$/.test(label)) throw new Error(`--nodes: ${label} is not a major version of Node`);
  if (label === process.versions.node.split('.')[0]) return { label, executable: process.execPath };
  const name = `node-${process.platform}-${process.arch}`;
  const folder = join(tmpdir(), 'roomcast-bench-nodes', label);
  const executable = join(folder, 'node_modules', name, 'bin', 'node');
  if (!existsSync(executable)) {
    mkdirSync(folder, { recursive: true });
    execFileSync('npm', ['install', '--prefix', folder, '--no-audit', '--no-fund', `${name}@${label}`]);
  }
  return { label, executable };
}

export function onNode(system: System, { label, executable }: NodeVersion): System {
  return {
    ...system,
    name: `${system.name}@${label}`,
    title: `${system.title}, Node ${label}`,
    open: (options) => system.open({ ...options, node: executable }),
  };
}

/** A system is held against the baseline on the same Node. */
export function baselineOf(systemName: string, baseline: string | undefined): string | undefined {
  const [, label] = systemName.split('@');
  return baseline === undefined || label === undefined ? baseline : `${baseline}@${label}`;
}
