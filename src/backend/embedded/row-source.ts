import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { MovedRows, RowSource } from '../moved-rows.ts';
import { listDedupeRows, listEarlierDedupe } from './dedupe-rows.ts';
import {
  countEndedEntries,
  type EndedEntries,
  listEntryRows,
  listLogRows,
  listUncountedRows,
} from './log-rows.ts';
import {
  listBlockRows,
  listClaimRows,
  listMarkerRows,
  listMentionRows,
  listOwnMessageRows,
  listPushRows,
  listRestrictionRows,
  listSubscriptionRows,
} from './people-rows.ts';
import type { RowContext } from './row-context.ts';
import { KEY_FILE } from './store-files.ts';

export interface RowSourceDeps extends RowContext {
  readonly folder: string;
  readonly secret: string;
}

export interface EmbeddedRows {
  readonly source: RowSource;
  /**
   * Counts the remembered `clientMsgId`s that are left out: an earlier release stored them under a name that cannot be
   * computed again, since their entries are gone.
   */
  countLostDedupe(): number;
  countEndedEntries(): EndedEntries;
}

/** Lists the content of a store that nobody writes to. */
export function createRowSource({ folder, secret, ...context }: RowSourceDeps): EmbeddedRows {
  return {
    source: {
      secrets: () => listSecrets(folder, secret),
      logs: () => listLogRows(context),
      entries: () => listEntryRows(context),
      uncounted: () => listUncountedRows(context),
      dedupe: () => listDedupeRows(context),
      markers: () => listMarkerRows(context),
      subscriptions: () => listSubscriptionRows(context),
      ownMessages: () => listOwnMessageRows(context),
      restrictions: () => listRestrictionRows(context),
      blocks: () => listBlockRows(context),
      mentions: () => listMentionRows(context),
      pushes: () => listPushRows(context),
      claims: () => listClaimRows(context),
    },
    countEndedEntries: () => countEndedEntries(context),
    countLostDedupe: () => listEarlierDedupe(context).filter(({ name }) => name === undefined).length,
  };
}

function listSecrets(folder: string, secret: string): MovedRows['secrets'][] {
  const apiKey = readIfThere(join(folder, KEY_FILE));
  return [
    { tag: 'secret', value: secret },
    ...(apiKey === undefined ? [] : [{ tag: 'apiKey' as const, value: apiKey.trim() }]),
  ];
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
