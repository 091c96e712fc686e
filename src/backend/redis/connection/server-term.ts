import { fieldOf } from './info.ts';

/** As epoch.lua stores it. */
const ID_CHARS = 12;

/**
 * Names the time for which a server has been the master: `run_id offset replid`, from the sections `server` and `replication`
 * of INFO. The run id changes with each restart. Each promotion draws a new replid and sets the offset; Redis draws one also
 * when it forgets the last promotion, and the offset is then -1.
 */
export function termFrom(info: string): string {
  const promotedAt = fieldOf(info, 'second_repl_offset') ?? '-1';
  return `${fieldOf(info, 'run_id') ?? ''} ${promotionFrom(info, promotedAt)}`;
}

/** The term that the section `replication` names for the process of a known term. */
export function termAfter(known: string, replication: string): string {
  const promotedAt = fieldOf(replication, 'second_repl_offset') ?? '-1';
  return `${known.split(' ', 1)[0]} ${promotionFrom(replication, promotedAt)}`;
}

function promotionFrom(info: string, promotedAt: string): string {
  // Without a replid, the offset of the last promotion stands for it.
  const id = fieldOf(info, 'master_replid') ?? promotedAt;
  return `${promotedAt} ${id.slice(0, ID_CHARS).padStart(ID_CHARS, '0')}`;
}

/** Returns whether a server may lack writes that it, or another server, answered in an earlier term. epoch.lua judges the same way. */
export function mayHaveLost(earlier: string, now: string): boolean {
  const [earlierRun, , earlierId] = earlier.split(' ');
  const [run, promotedAt, id] = now.split(' ');
  return run !== earlierRun || (id !== earlierId && promotedAt !== '-1');
}
