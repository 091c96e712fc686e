import type { Logger } from 'pino';
import type { Feeds } from '../../chat/feeds.ts';
import { inboxOf } from '../../chat/room.ts';
import type { ChatNamespace } from '../socket-types.ts';
import { type CommandWorkers, createWorkerCommands } from './worker-commands.ts';

export interface InboxComparisonsDeps {
  readonly namespaces: readonly ChatNamespace[];
  readonly feeds: Pick<Feeds, 'compare'>;
  readonly log: Logger;
}

/**
 * Lets every worker compare that user's inbox with the store, so that the connected devices get what changed in it. A worker
 * that misses the command finds the change when it compares all rooms, within minutes.
 */
export type CompareInbox = CommandWorkers<string>;

export function createInboxComparisons({ namespaces, feeds, log }: InboxComparisonsDeps): CompareInbox {
  return createWorkerCommands<string>({
    namespaces,
    event: 'inbox:compare',
    carryOut: ({ name }, userId) => feeds.compare(inboxOf(name, userId)),
    log,
  });
}
