import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { freePorts } from '../support/ports.ts';

const PORTS = fileURLToPath(new URL('../support/ports.ts', import.meta.url));

it('gives no port to two tests at a time, in one process and in others', async () => {
  const program = `const { freePorts } = await import(${JSON.stringify(PORTS)});
    const first = await Promise.all(Array.from({ length: 300 }, () => freePorts(4)));
    console.log(JSON.stringify(first));
    process.exit();`;
  const args = ['--import', 'tsx', '--input-type=module', '-e', program];
  const own = await Promise.all(Array.from({ length: 300 }, () => freePorts(4)));
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const first = [...own, ...(JSON.parse(stdout) as number[])];
  const ports = first.flatMap((port) => [0, 1, 2, 3].map((index) => port + index));
  expect(new Set(ports).size).toBe(ports.length);
});
