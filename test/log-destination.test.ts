import fs from 'node:fs';
import { expect, it, onTestFinished, vi } from 'vitest';
import { createLogDestination } from '../src/log-destination.ts';

type Failure = 'EAGAIN' | 'ENOSPC';
const FD = 99;
const URGENT = 50;

/** A descriptor whose background writes end only when the test says so. */
function open(maxWaitingBytes = 1_000) {
  const written: string[] = [];
  const lost: number[] = [];
  const pending: ((failure?: Failure, bytes?: number) => void)[] = [];
  const state: { failsSync?: Failure } = {};
  const failed = (code: Failure) => Object.assign(new Error(code), { code });
  vi.spyOn(fs, 'write').mockImplementation(((
    _fd: number,
    chunk: Buffer,
    done: (...args: unknown[]) => void,
  ) => {
    pending.push((failure, bytes = chunk.length) => {
      if (!failure) written.push(String(chunk.subarray(0, bytes)));
      done(failure ? failed(failure) : null, failure ? 0 : bytes);
    });
  }) as never);
  vi.spyOn(fs, 'writeSync').mockImplementation(((_fd: number, chunk: Buffer) => {
    if (state.failsSync) throw failed(state.failsSync);
    written.push(String(chunk));
    return chunk.length;
  }) as never);
  onTestFinished(() => void vi.restoreAllMocks());
  const onLost = (lines: number) => lost.push(lines);
  const destination = createLogDestination({ fd: FD, maxWaitingBytes, urgentLevel: URGENT, onLost });
  const finish = (failure?: Failure, bytes?: number) => pending.shift()?.(failure, bytes);
  return { destination, written, lost, pending, state, finish };
}

it('drops what waits when a write fails, counts it, and writes the next line', () => {
  const { destination, written, lost, finish } = open();
  for (const line of ['a\n', 'b\n', 'c\n']) destination.write(line);
  finish('ENOSPC');
  expect([written, lost]).toEqual([[], []]);
  destination.write('d\n');
  finish();
  expect([written, lost]).toEqual([['d\n'], [3]]);
});

it('begins a new line after one that was written in part', () => {
  const { destination, written, finish, lost } = open();
  destination.write('first\n');
  finish(undefined, 2);
  finish('ENOSPC');
  destination.write('second\n');
  finish();
  expect(written.join('')).toBe('fi\nsecond\n');
  expect(lost).toEqual([1]);
});

it('counts every lost line since the start, also soon after others were lost', () => {
  const { destination, lost, finish } = open(4);
  for (const line of ['a\n', 'b\n', 'c\n']) destination.write(line);
  finish();
  finish();
  for (const line of ['d\n', 'e\n', 'f\n', 'g\n']) destination.write(line);
  finish();
  finish();
  expect(lost).toEqual([1, 3]);
});

it('writes the line of an error beside a write in progress', () => {
  const { destination, pending } = open();
  for (const line of ['a\n', 'b\n']) destination.write(line);
  expect(pending).toHaveLength(1);
  destination.lastLevel = URGENT;
  destination.write('error\n');
  destination.write('another\n');
  expect(pending).toHaveLength(2);
});

it('waits a second for a busy descriptor, and not at all for one that fails', () => {
  const { destination, state, lost, written } = open();
  for (const failure of ['ENOSPC', 'EAGAIN'] as const) {
    destination.write('first\n');
    destination.write('waits\n');
    state.failsSync = failure;
    const beganMs = performance.now();
    destination.flushSync();
    if (failure === 'EAGAIN') expect(performance.now() - beganMs).toBeGreaterThanOrEqual(1_000);
  }
  delete state.failsSync;
  destination.end();
  destination.write('last\n');
  expect([written, lost]).toEqual([['last\n'], [3]]);
});

it('tries again after a busy descriptor', async () => {
  const { destination, written, finish, pending } = open();
  destination.write('first\n');
  finish('EAGAIN');
  await vi.waitFor(() => expect(pending).toHaveLength(1), 20_000);
  finish();
  expect(written).toEqual(['first\n']);
});
