import { pino } from 'pino';
import { expect, test, vi } from 'vitest';
import { createReloads, type ReloadsDeps } from '../../src/cluster/reloads.ts';
import { refuse, succeed } from '../../src/protocol/codes.ts';

function open(reload: ReloadsDeps['reload']) {
  const lines: Array<{ level: number; msg: string }> = [];
  const onRunning = vi.fn();
  const onEnded = vi.fn();
  const log = pino({ level: 'info' }, { write: (line) => void lines.push(JSON.parse(line)) });
  const reloads = createReloads({ reload, onRunning, onEnded, now: Date.now, log });
  reloads.open();
  return { reloads, onRunning, onEnded, lines };
}

test('a reload that throws has failed, and the next one runs', async () => {
  const reload = vi.fn<ReloadsDeps['reload']>();
  reload.mockRejectedValueOnce(new Error('spawn ENOMEM')).mockResolvedValueOnce(succeed(undefined));
  const { reloads, onRunning, onEnded } = open(reload);
  reloads.request();
  await vi.waitFor(() => expect(reloads.status()).toMatchObject({ id: 1, state: 'failed' }));
  expect(reloads.status()?.error).toContain('spawn ENOMEM');
  expect(onRunning).toHaveBeenLastCalledWith(false);
  reloads.request();
  await vi.waitFor(() => expect(reloads.status()).toMatchObject({ id: 2, state: 'done' }));
  expect(onEnded.mock.calls).toEqual([[false], [true]]);
});

test('a reload that a stop ends is no failure, and the one that waits behind it is not begun', async () => {
  let end = () => {};
  const reload = vi.fn<ReloadsDeps['reload']>(
    () =>
      new Promise((resolve) => {
        end = () => resolve(refuse('unavailable', 'the host is stopping'));
      }),
  );
  const { reloads, onEnded, lines } = open(reload);
  reloads.request();
  reloads.request();
  reloads.close();
  end();
  await vi.waitFor(() => expect(reloads.status()).toMatchObject({ id: 1, state: 'failed' }));
  expect(onEnded).not.toHaveBeenCalled();
  expect(lines).toEqual([
    expect.objectContaining({ level: 30, msg: 'the reload ended early: the host is stopping' }),
  ]);
  expect(reload).toHaveBeenCalledOnce();
});
