import type { Group } from './group.ts';
import { lasting } from './restrictions.ts';
import type { DueKey } from './rows.ts';
import { hasVisit, inboxIn } from './unread.ts';

/** Removes what was due then, unless it was kept for longer since. */
export function forgetDue(group: Group, [until, table, key]: DueKey): void {
  group.write({ table: 'dues', key: [until, table, key] });
  if (table === 'restrictions') forgetEnded(group, until, key);
  else if (table === 'visits') forgetVisits(group, until, key);
  else if (table === 'said') forgetSaid(group, key);
  else {
    const row = group.row(table, key);
    if (row && row.until <= until) group.put({ table, key });
  }
}

function forgetEnded(group: Group, until: number, key: string): void {
  const left = lasting(group.row('restrictions', key), until);
  group.put({ table: 'restrictions', key, ...(left ? { value: left } : {}) });
}

/** Those of an inbox that was begun since go with it. */
function forgetVisits(group: Group, until: number, tag: string): void {
  const row = group.row('visits', tag);
  if (!row || group.row('heads', tag)) return;
  if (row.until <= until) group.forgetVisits(tag);
  else group.write({ table: 'dues', key: [row.until, 'visits', tag], value: true });
}

/** Removes the user's last say too, unless the user has come to the room: then the visit removes it. */
function forgetSaid(group: Group, key: string): void {
  if (!hasVisit(group.row('visits', inboxIn(key)), key)) group.put({ table: 'said', key });
}
