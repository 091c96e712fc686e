import { withoutExpired } from './restrictions.ts';
import type { ExpiryKey } from './rows.ts';
import type { Transaction } from './transaction.ts';
import { hasSubscription, inboxOfKey } from './unread.ts';

/** Removes the row, unless its expiry was extended since. */
export function removeIfExpired(transaction: Transaction, [until, table, key]: ExpiryKey): void {
  transaction.write({ table: 'expiries', key: [until, table, key] });
  if (table === 'restrictions') removeEndedRestrictions(transaction, until, key);
  else if (table === 'roomSubscriptions') removeRoomSubscriptions(transaction, until, key);
  else if (table === 'said') removeLastOwnMessage(transaction, key);
  else {
    const row = transaction.row(table, key);
    if (row?.until !== undefined && row.until <= until) transaction.put({ table, key });
  }
}

function removeEndedRestrictions(transaction: Transaction, until: number, key: string): void {
  const left = withoutExpired(transaction.row('restrictions', key), until);
  transaction.put({ table: 'restrictions', key, ...(left ? { value: left } : {}) });
}

/** The subscriptions of an inbox with a log live as long as the log. */
function removeRoomSubscriptions(transaction: Transaction, until: number, tag: string): void {
  const row = transaction.row('roomSubscriptions', tag);
  if (!row || transaction.row('logMeta', tag)) return;
  if (row.until <= until) transaction.removeRoomSubscriptions(tag);
  else transaction.write({ table: 'expiries', key: [row.until, 'roomSubscriptions', tag], value: true });
}

/** Keeps the row of a user who has joined the room since: it goes with the subscription then. */
function removeLastOwnMessage(transaction: Transaction, key: string): void {
  if (!hasSubscription(transaction.row('roomSubscriptions', inboxOfKey(key)), key))
    transaction.put({ table: 'said', key });
}
