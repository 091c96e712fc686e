/**
 * Loaded into the processes of a measured server by NODE_OPTIONS, never part of one: on SIGUSR2 it does what
 * BENCH_INSIDE says and leaves what it found as {pid}.json or {pid}-{n}.cpuprofile in BENCH_DIR.
 *
 *   memory    collects garbage in a worker, then tells the size of the heap
 *   profile   starts the CPU profiler, the next time stops it
 */
import cluster from 'node:cluster';
import { renameSync, writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const { BENCH_INSIDE: task, BENCH_DIR: folder } = process.env;
const SAMPLE_US = 250;

/** Whoever waits for the file never sees half of it. */
function leave(name, content) {
  writeFileSync(join(folder, `.${name}`), JSON.stringify(content));
  renameSync(join(folder, `.${name}`), join(folder, name));
}

function memory() {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc');
  return () => {
    // What finalizers let go of goes with the second one.
    collect();
    collect();
    leave(`${process.pid}.json`, process.memoryUsage());
  };
}

function profiler() {
  const session = new Session();
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.setSamplingInterval', { interval: SAMPLE_US });
  let running = false;
  let taken = 0;
  return () => {
    if (running) {
      taken += 1;
      session.post('Profiler.stop', (_error, { profile }) =>
        leave(`${process.pid}-${taken}.cpuprofile`, profile),
      );
    } else session.post('Profiler.start', () => leave(`${process.pid}.json`, {}));
    running = !running;
  };
}

if (task === 'profile') process.on('SIGUSR2', profiler());
else if (task === 'memory' && cluster.isWorker) process.on('SIGUSR2', memory());
