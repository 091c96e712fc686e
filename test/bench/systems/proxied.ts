import { renderNginx } from '../../../src/cli/nginx-config.ts';
import { childrenOf } from '../../faults/processes.ts';
import { openNginx } from '../../support/nginx-server.ts';
import { nginxOptions } from '../../support/nginx-settings.ts';
import { freePorts } from '../../support/ports.ts';
import { ROOMCAST } from './roomcast.ts';
import type { RunningSystem, System } from './system.ts';

/** A cluster of one host behind the nginx that `roomcast nginx` configures: all processes that a message passes. */
export const PROXIED: System = {
  name: 'proxied',
  title: 'Roomcast behind nginx',
  dialectName: 'roomcast',
  async open(options) {
    const running = await ROOMCAST.open(options);
    try {
      return await behindNginx(running);
    } catch (error) {
      await running.stop();
      throw error;
    }
  },
};

async function behindNginx(running: RunningSystem): Promise<RunningSystem> {
  const port = await freePorts(1);
  const [basePort = 0] = running.ports;
  const nginx = await openNginx(
    renderNginx(
      nginxOptions({
        hosts: [{ address: '127.0.0.1', basePort, workers: running.ports.length }],
        // All clients of a driver process have one address.
        hash: 'roomid',
        listen: [`127.0.0.1:${port}`],
      }),
    ),
  );
  const pids = [nginx.pid, ...childrenOf(nginx.pid)];
  return {
    ...running,
    ports: [port],
    pids: (part) => (part === 'nginx' ? pids : running.pids(part)),
    async stop() {
      await nginx.close();
      await running.stop();
    },
  };
}
