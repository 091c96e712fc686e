import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

export interface Script {
  readonly text: string;
  readonly sha1: string;
  /** Somebody waits for what it does: see call-pacing.ts. */
  readonly prompt?: true;
}

export interface Scripts {
  readonly append: Script;
  readonly read: Script;
  readonly replace: Script;
  readonly enter: Script;
  readonly exit: Script;
  readonly sweep: Script;
  readonly tell: Script;
  readonly members: Script;
  readonly boots: Script;
  readonly renew: Script;
  readonly bury: Script;
  readonly forget: Script;
  readonly turn: Script;
  readonly raise: Script;
  readonly progress: Script;
  readonly findPush: Script;
  readonly claim: Script;
  readonly settleClaim: Script;
  readonly restrict: Script;
  readonly restrictions: Script;
  readonly visit: Script;
  readonly visited: Script;
}

/** Reads the Lua files beside this one. */
export function openScripts(): Scripts {
  const epoch = textOf('log') + textOf('epoch');
  const clock = textOf('clock');
  const room = clock + textOf('roster-room') + textOf('roster-changes');
  const restricted = textOf('restricted');
  return {
    append: { ...scriptOf(clock + epoch + restricted + textOf('append')), prompt: true },
    read: scriptOf(epoch + textOf('read')),
    replace: scriptOf(clock + epoch + restricted + textOf('replace') + textOf('append')),
    enter: scriptOf(room + restricted + textOf('roster-enter')),
    exit: scriptOf(room + textOf('roster-exit')),
    sweep: scriptOf(room + textOf('roster-sweep')),
    tell: scriptOf(room + textOf('roster-tell')),
    members: scriptOf(textOf('roster-members')),
    boots: scriptOf(clock + textOf('roster-boots')),
    renew: scriptOf(clock + textOf('roster-renew')),
    bury: scriptOf(textOf('roster-bury')),
    forget: scriptOf(clock + textOf('roster-forget')),
    turn: scriptOf(textOf('totals-turn')),
    raise: scriptOf(clock + textOf('inbox-raise')),
    progress: scriptOf(textOf('inbox-progress')),
    findPush: scriptOf(textOf('push-find')),
    claim: scriptOf(textOf('claim')),
    settleClaim: scriptOf(textOf('claim-settle')),
    restrict: scriptOf(clock + restricted + textOf('moderation-restrict')),
    restrictions: scriptOf(clock + restricted + textOf('moderation-read')),
    visit: scriptOf(textOf('visit')),
    visited: scriptOf(textOf('visited')),
  };
}

function textOf(name: string): string {
  return readFileSync(new URL(`./${name}.lua`, import.meta.url), 'utf8');
}

function scriptOf(text: string): Script {
  return { text, sha1: createHash('sha1').update(text).digest('hex') };
}
