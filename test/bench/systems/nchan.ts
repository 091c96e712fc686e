import { accessSync } from 'node:fs';
import { childrenOf } from '../../faults/processes.ts';
import { openNginx } from '../../support/nginx-server.ts';
import { freePorts } from '../../support/ports.ts';
import type { RunningSystem, System } from './system.ts';

const MODULE = '/usr/lib/nginx/modules/ngx_nchan_module.so';

/** A publish/subscribe server in C, in one nginx worker and its memory; no names, no store, no check of who may what. */
export const NCHAN: System = {
  name: 'nchan',
  title: 'Nchan (C)',
  dialectName: 'nchan',
  missing() {
    try {
      accessSync(MODULE);
      return undefined;
    } catch {
      return `Nchan is left out: ${MODULE} is not there (apt-get install libnginx-mod-nchan)`;
    }
  },
  async open(): Promise<RunningSystem> {
    const port = await freePorts(1);
    const nginx = await openNginx(config(port));
    const workers = childrenOf(nginx.pid);
    return {
      ports: [port],
      pids: (part) => (part === 'worker' ? workers : part === 'primary' ? [nginx.pid] : []),
      windowBegins: async () => undefined,
      windowEnds: async () => undefined,
      collect: async () => undefined,
      deaths: () => 0,
      stop: () => nginx.close(),
    };
  },
};

function config(port: number): string {
  return `load_module ${MODULE};
worker_processes 1;
worker_rlimit_nofile 20000;
pid /run/nginx.pid;
events {
  worker_connections 19000;
}
http {
  access_log off;
  nchan_shared_memory_size 256M;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location ~ ^/subscribe/(.+)$ {
      nchan_subscriber websocket;
      nchan_subscriber_first_message newest;
      nchan_channel_id $1;
    }
    location ~ ^/publish/(.+)$ {
      nchan_publisher websocket;
      nchan_channel_id $1;
    }
  }
}
`;
}
