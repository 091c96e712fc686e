import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { startHost } from '../support/cluster.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

it('the program in the top README works as it stands there', async () => {
  const readme = await readFile(`${ROOT}/README.md`, 'utf8');
  const [, program = ''] = /```js\n([\s\S]*?)```/.exec(readme) ?? [];
  expect(program.trim().split('\n').length).toBeLessThanOrEqual(12);
  expect(program).toContain('http://127.0.0.1:3000');
  const host = await startHost();
  const child = spawn(process.execPath, ['--input-type=module', '-'], {
    cwd: ROOT,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.end(program.replace('http://127.0.0.1:3000', host.url));
  const [said, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  expect(said.split('\n').sort()).toEqual(['', '1 Ann hello', '1 here', 'stored as number 1']);
  expect(code).toBe(0);
  await host.stop();
  await host.remove();
});
