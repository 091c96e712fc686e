import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { RedisCall } from '../redis-calls.ts';

export interface Script {
  readonly text: string;
  readonly sha1: string;
  /** The kind that its calls are counted as. */
  readonly call: RedisCall;
  /** The script is not delayed by call-pacing.ts, because a client waits for its effect. */
  readonly prompt?: true;
}

/** The scripts of the queue of webhooks. */
export interface HookScripts {
  readonly hookList: Script;
  readonly hookLease: Script;
  readonly hookTake: Script;
  readonly hookListed: Script;
  readonly hookAdvance: Script;
  readonly hookTerm: Script;
  readonly hookUnlist: Script;
}

export interface Scripts extends HookScripts {
  readonly append: Script;
  readonly read: Script;
  readonly roomName: Script;
  readonly replace: Script;
  readonly raiseReader: Script;
  readonly enter: Script;
  readonly exit: Script;
  readonly reap: Script;
  readonly notify: Script;
  readonly members: Script;
  readonly instances: Script;
  readonly silent: Script;
  readonly heartbeat: Script;
  readonly vouch: Script;
  readonly fence: Script;
  readonly forget: Script;
  readonly turn: Script;
  readonly raise: Script;
  readonly openInbox: Script;
  readonly progress: Script;
  readonly findPush: Script;
  readonly claim: Script;
  readonly settleClaim: Script;
  readonly restrict: Script;
  readonly restrictions: Script;
  readonly enterQueue: Script;
  readonly expectClients: Script;
  readonly block: Script;
  readonly noteMention: Script;
  readonly subscribeRoom: Script;
  readonly subscribedRooms: Script;
  readonly markFormat: Script;
}

/** Reads the Lua files, each of which lies beside the module that runs it. */
export function openScripts(): Scripts {
  const epoch = textOf('log/log') + textOf('log/epoch');
  const clock = textOf('clock');
  const publish = textOf('bus/publish-frame');
  const room = clock + publish + textOf('presence/roster-room') + textOf('presence/roster-changes');
  const restricted = textOf('moderation/restricted');
  const time = clock + textOf('presence/roster-time');
  const hashed = textOf('moderation/hashed-restrictions');
  const append = textOf('log/unopened') + textOf('log/nearly-full') + textOf('log/append');
  return {
    append: {
      ...scriptOf('append', clock + publish + epoch + restricted + textOf('log/append-alone') + append),
      prompt: true,
    },
    read: scriptOf('read', epoch + textOf('log/read')),
    roomName: scriptOf('read', textOf('log/room-name')),
    replace: scriptOf('append', clock + publish + epoch + restricted + textOf('log/replace') + append),
    raiseReader: scriptOf('people', textOf('log/reader-raise')),
    enter: scriptOf('presence', room + restricted + hashed + textOf('presence/roster-enter')),
    exit: scriptOf('presence', room + textOf('presence/roster-exit')),
    reap: scriptOf('presence', room + textOf('presence/roster-reap')),
    notify: scriptOf('presence', room + textOf('presence/roster-notify')),
    members: scriptOf('presence', textOf('presence/roster-members')),
    instances: scriptOf('lease', time + textOf('presence/roster-instances')),
    silent: scriptOf('lease', time + textOf('presence/roster-silent')),
    heartbeat: scriptOf(
      'lease',
      time + textOf('presence/roster-earlier') + textOf('presence/roster-heartbeat'),
    ),
    vouch: scriptOf('lease', time + textOf('presence/roster-vouch')),
    fence: scriptOf('lease', textOf('presence/roster-fence')),
    forget: scriptOf('lease', time + textOf('presence/roster-forget')),
    turn: scriptOf('lease', textOf('presence/count-turn')),
    raise: scriptOf('people', clock + textOf('people/inbox-raise')),
    openInbox: scriptOf('people', clock + textOf('people/inbox-open')),
    progress: scriptOf('people', textOf('people/inbox-progress')),
    findPush: scriptOf('people', textOf('people/push-find')),
    claim: scriptOf('people', textOf('log/claim')),
    settleClaim: scriptOf('people', textOf('log/claim-settle')),
    restrict: scriptOf('moderation', clock + restricted + hashed + textOf('moderation/moderation-restrict')),
    restrictions: scriptOf('moderation', clock + restricted + textOf('moderation/moderation-read')),
    enterQueue: scriptOf('admission', clock + textOf('people/connect-enter')),
    expectClients: scriptOf('admission', clock + textOf('people/connect-expect')),
    block: scriptOf('people', textOf('people/block')),
    noteMention: scriptOf('people', clock + textOf('people/mention-note')),
    subscribeRoom: scriptOf('people', textOf('people/room-subscribe')),
    subscribedRooms: scriptOf('people', textOf('people/room-subscriptions')),
    hookList: scriptOf('hook', clock + textOf('hooks/hook-list')),
    hookLease: scriptOf('hook', textOf('hooks/hook-lease')),
    hookTake: scriptOf('hook', textOf('hooks/hook-take')),
    hookListed: scriptOf('hook', clock + textOf('hooks/hook-listed')),
    hookAdvance: scriptOf('hook', clock + textOf('hooks/hook-advance')),
    hookTerm: scriptOf('hook', textOf('hooks/hook-term')),
    hookUnlist: scriptOf('hook', clock + textOf('hooks/hook-unlist')),
    markFormat: scriptOf('command', textOf('connection/format')),
  };
}

/** The only script that `roomcast move-to-redis` alone runs. */
export function openImportScript(): Script {
  return scriptOf('command', textOf('log/log') + textOf('log/entries-import'));
}

function textOf(name: string): string {
  return readFileSync(new URL(`./${name}.lua`, import.meta.url), 'utf8');
}

function scriptOf(call: RedisCall, text: string): Script {
  return { text, call, sha1: createHash('sha1').update(text).digest('hex') };
}
