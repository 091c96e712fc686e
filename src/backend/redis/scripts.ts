import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

export interface Script {
  readonly text: string;
  readonly sha1: string;
}

export interface Scripts {
  readonly append: Script;
  readonly read: Script;
  readonly enter: Script;
  readonly exit: Script;
  readonly sweep: Script;
  readonly members: Script;
  readonly renew: Script;
  readonly raise: Script;
  readonly progress: Script;
  readonly findPush: Script;
}

/** Reads the Lua files beside this one. */
export function openScripts(): Scripts {
  const epoch = textOf('epoch');
  const room = textOf('roster-room');
  return {
    append: scriptOf(epoch + textOf('append')),
    read: scriptOf(epoch + textOf('read')),
    enter: scriptOf(room + textOf('roster-enter')),
    exit: scriptOf(room + textOf('roster-exit')),
    sweep: scriptOf(room + textOf('roster-sweep')),
    members: scriptOf(textOf('roster-members')),
    renew: scriptOf(textOf('roster-renew')),
    raise: scriptOf(textOf('inbox-raise')),
    progress: scriptOf(textOf('inbox-progress')),
    findPush: scriptOf(textOf('push-find')),
  };
}

function textOf(name: string): string {
  return readFileSync(new URL(`./${name}.lua`, import.meta.url), 'utf8');
}

function scriptOf(text: string): Script {
  return { text, sha1: createHash('sha1').update(text).digest('hex') };
}
