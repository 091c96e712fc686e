import type { DialectClient } from './dialect.ts';
import { DialectFault } from './dialect-module.ts';
import { openDialect } from './dialects.ts';
import type { DialectName } from './orders.ts';

const TRIAL: DialectClient = {
  spec: { id: 0, port: 3_000, room: 'trial-room', role: 'speaker' },
  name: 'trial-0',
  isIdentified: true,
  resume: undefined,
};
const TEXT_BYTES = 100;

/** Goes with one client through all that a connection does, without a server. Says what a module cannot do. */
export async function checkDialect(name: DialectName): Promise<string | undefined> {
  try {
    const dialect = await openDialect(name);
    dialect.path(TRIAL);
    dialect.headers?.(TRIAL);
    dialect.say(TRIAL, 'trial-room', TEXT_BYTES);
    const opened = dialect.hear('0{"sid":"trial"}', TRIAL);
    const [, namespace = ''] = /^40(\/[^,]*,)/.exec(opened?.send ?? '') ?? [];
    dialect.hear(`40${namespace}{"sid":"trial"}`, TRIAL);
    dialect.leave?.(TRIAL);
    return undefined;
  } catch (error) {
    if (error instanceof DialectFault) return error.message;
    throw error;
  }
}
