import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const RUN = fileURLToPath(new URL('../fuzz/run-attacks.ts', import.meta.url));

it('a flood of WebSocket control frames makes honest clients at most twice as slow, beyond the noise', {
  timeout: 1_800_000,
}, async () => {
  const short = ['--rounds', '3', '--seconds', '3', '--attacker', 'frames: pings,frames: pongs'];
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', RUN, ...short]).catch(
    // The table says more than the exit code.
    ({ stdout }: { stdout: string }) => ({ stdout }),
  );
  expect(stdout).toContain('workers lost: 0');
  expect(stdout).not.toContain('FAILED');
});
