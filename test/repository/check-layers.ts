import { fileURLToPath } from 'node:url';
import { findViolations, readSources } from './layers.ts';

const violations = findViolations(readSources(fileURLToPath(new URL('../../src', import.meta.url))));
for (const line of violations) process.stderr.write(`${line}\n`);
if (violations.length > 0) {
  process.stderr.write('Layers import one way: test/repository/layers.ts\n');
  process.exitCode = 1;
}
