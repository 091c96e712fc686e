import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

export interface Script {
  readonly text: string;
  readonly sha1: string;
  /** The script is not delayed by call-pacing.ts, because a client waits for its effect. */
  readonly prompt?: true;
}

export interface Scripts {
  readonly append: Script;
  readonly read: Script;
  readonly replace: Script;
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
  readonly progress: Script;
  readonly findPush: Script;
  readonly claim: Script;
  readonly settleClaim: Script;
  readonly restrict: Script;
  readonly restrictions: Script;
  readonly enterQueue: Script;
  readonly expectClients: Script;
  readonly subscribeRoom: Script;
  readonly subscribedRooms: Script;
  readonly markFormat: Script;
}

/** Reads the Lua files, each of which lies beside the module that runs it. */
export function openScripts(): Scripts {
  const epoch = textOf('log/log') + textOf('log/epoch');
  const clock = textOf('clock');
  const room = clock + textOf('presence/roster-room') + textOf('presence/roster-changes');
  const restricted = textOf('moderation/restricted');
  const time = clock + textOf('presence/roster-time');
  const hashed = textOf('moderation/hashed-restrictions');
  return {
    append: { ...scriptOf(clock + epoch + restricted + textOf('log/append')), prompt: true },
    read: scriptOf(epoch + textOf('log/read')),
    replace: scriptOf(clock + epoch + restricted + textOf('log/replace') + textOf('log/append')),
    enter: scriptOf(room + restricted + hashed + textOf('presence/roster-enter')),
    exit: scriptOf(room + textOf('presence/roster-exit')),
    reap: scriptOf(room + textOf('presence/roster-reap')),
    notify: scriptOf(room + textOf('presence/roster-notify')),
    members: scriptOf(textOf('presence/roster-members')),
    instances: scriptOf(time + textOf('presence/roster-instances')),
    silent: scriptOf(time + textOf('presence/roster-silent')),
    heartbeat: scriptOf(time + textOf('presence/roster-earlier') + textOf('presence/roster-heartbeat')),
    vouch: scriptOf(time + textOf('presence/roster-vouch')),
    fence: scriptOf(textOf('presence/roster-fence')),
    forget: scriptOf(time + textOf('presence/roster-forget')),
    turn: scriptOf(textOf('presence/count-turn')),
    raise: scriptOf(clock + textOf('people/inbox-raise')),
    progress: scriptOf(textOf('people/inbox-progress')),
    findPush: scriptOf(textOf('people/push-find')),
    claim: scriptOf(textOf('log/claim')),
    settleClaim: scriptOf(textOf('log/claim-settle')),
    restrict: scriptOf(clock + restricted + hashed + textOf('moderation/moderation-restrict')),
    restrictions: scriptOf(clock + restricted + textOf('moderation/moderation-read')),
    enterQueue: scriptOf(clock + textOf('people/connect-enter')),
    expectClients: scriptOf(clock + textOf('people/connect-expect')),
    subscribeRoom: scriptOf(textOf('people/room-subscribe')),
    subscribedRooms: scriptOf(textOf('people/room-subscriptions')),
    markFormat: scriptOf(textOf('connection/format')),
  };
}

/** The only script that `roomcast move-to-redis` alone runs. */
export function openImportScript(): Script {
  return scriptOf(textOf('log/log') + textOf('log/entries-import'));
}

function textOf(name: string): string {
  return readFileSync(new URL(`./${name}.lua`, import.meta.url), 'utf8');
}

function scriptOf(text: string): Script {
  return { text, sha1: createHash('sha1').update(text).digest('hex') };
}
