import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { readSources } from './layers.ts';

const SRC = fileURLToPath(new URL('../../src', import.meta.url));
const SERVER = /^(chat|cluster|backend|server|host-view)\/|^[\w-]+\.ts$/;
/** Made once in a function that lives on, or in one call of another; only a reader can tell which. */
const COLLECTION =
  /^ {2}(?:const|let) (\w+)(?:: [^=\n]+)? = (?:new (?:Map|Set)|create(?:Shared|Keyed)Buckets)\b/gm;
const SIZES = /\bsizes\b[\s\S]{0,400}/g;

/** The collections that `/status?debug` need not show. A new one belongs there, or here with a reason. */
const UNCOUNTED: Readonly<Record<string, readonly string[]>> = {
  'filled and read in one call': [
    'backend/embedded/push-store.ts byUser',
    'backend/embedded/room-subscription-store.ts stay',
    'backend/embedded/staged-writes.ts entries',
    'backend/embedded/staged-writes.ts rows',
    'backend/move/copy.ts groups',
    'backend/redis/topology/rebalance.ts byIdentity',
    'cluster/ports.ts claimed',
    'host-view/rooms.ts rooms',
    'host-view/totals.ts counts',
    'host-view/totals.ts histograms',
    'host-view/totals.ts refused',
    'server/events/nicknames.ts ids',
    'server/http/inner-requests.ts running',
    'server/transport/drain.ts expected',
    'server/transport/drain.ts moving',
    'server/transport/drain.ts open',
    'server/transport/write-gathering.ts corked',
  ],
  'as many as there are servers, workers, processes beside them, slots, namespaces, events or files': [
    'backend/embedded/lock.ts connections',
    'backend/redis/connection/rights.ts commandRules',
    'backend/redis/connection/sentinel-target.ts answers',
    'backend/redis/connection/sentinel-target.ts listeners',
    'backend/redis/presence/reaped-instances.ts silentLeases',
    'backend/redis/primary.ts failing',
    'backend/redis/topology/cluster-members.ts announced',
    'backend/redis/topology/cluster-members.ts closing',
    'backend/redis/topology/cluster-members.ts members',
    'backend/redis/topology/worker-servers.ts away',
    'backend/redis/topology/worker-servers.ts timers',
    'backend/redis/worker.ts separate',
    'chat/reserved-names.ts reserved',
    'cluster/ipc-channel.ts noticeHandlers',
    'cluster/ipc-channel.ts requestHandlers',
    'cluster/slot-workers.ts alive',
    'cluster/supervisor.ts serving',
    'host-view/event-log.ts restarts',
    'host-view/event-log.ts suspects',
    'host-view/page-files.ts assets',
    'server/delivery/announcement-feed.ts ahead',
    'server/delivery/announcement-feed.ts delivered',
    'server/delivery/announcement-feed.ts unsubscribed',
    'server/delivery/connection-announcer.ts encoders',
    'server/delivery/fanout.ts encoders',
    'server/histogram.ts distributions',
    'server/http/static-files.ts weights',
    'server/moderation/worker-commands.ts served',
    'server/transport/websocket-frames.ts heads',
    'scripts.ts modules',
  ],
  'capped by a constant': ['backend/redis/topology/redirects.ts diversions', 'repeated-lines.ts causes'],
  'part of a larger one, which is counted': [
    'backend/embedded/room-changes.ts pending',
    'backend/redis/connection/waiters.ts waiting',
    'chat/rate-limit.ts buckets',
    'chat/room-names.ts byLook',
    'chat/room-names.ts looks',
  ],
};

it('every long-lived map and set of the server tells its size for /status?debug', () => {
  const silent = [...readSources(SRC).keys()]
    .filter((file) => SERVER.test(file))
    .flatMap((file) => {
      const text = readFileSync(join(SRC, file), 'utf8');
      const told = (text.match(SIZES) ?? []).join('\n');
      return [...text.matchAll(COLLECTION)].flatMap(([, name = '']) =>
        new RegExp(`\\b${name}(?:\\.size|\\.values|\\])`).test(told) ? [] : [`${file} ${name}`],
      );
    });
  expect([...new Set(silent)].sort()).toEqual(Object.values(UNCOUNTED).flat().sort());
});
