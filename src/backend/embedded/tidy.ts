import { answerPeriod, COUNTED_IN } from './answer-keys.ts';
import type { CommitQueue } from './commit-queue.ts';
import { forgetDue } from './dues.ts';
import type { Group, GroupRules } from './group.ts';
import { type Head, isIdle, keepingOf } from './head.ts';
import type { DueKey } from './rows.ts';
import type { Tables } from './tables.ts';

export interface TidyDeps {
  readonly tables: Tables;
  readonly queue: CommitQueue;
  readonly rules: GroupRules;
  readonly now: () => number;
  readonly steadyMs: () => number;
  readonly closed: () => boolean;
}

const PORTION = 500;
/** A push's row holds up to 1,000 places, and is read before it goes. */
const DUE_PORTION = 50;

/** Removes what is too old from all tables, in portions. Reading honours the TTLs by itself and does not wait for it. */
export async function tidyTables({ tables, queue, rules, now, steadyMs, closed }: TidyDeps): Promise<void> {
  const plan = async (change: (group: Group) => void) => (await queue.add({ bytes: 0, plan: change })).ok;

  async function tidyAnswers(): Promise<void> {
    const period = answerPeriod(rules.dedupeTtlS, steadyMs());
    for (;;) {
      if (closed()) return;
      const keys = tables.answersOutside(period - 1, period + 1, PORTION);
      if (keys.length === 0) break;
      const forget = (group: Group) => {
        for (const key of keys) group.put({ table: 'answers', key });
      };
      if (!(await plan(forget))) return;
    }
    // Not before: the next start must not count those of another TTL in this one.
    if (tables.fact(COUNTED_IN) === rules.dedupeTtlS) return;
    await plan((group) => group.write({ table: 'facts', key: COUNTED_IN, value: rules.dedupeTtlS }));
  }

  async function tidyDues(): Promise<void> {
    // Neither clock holds up what is due by the other one.
    const [claimsAt, othersAt] = [steadyMs(), now()];
    const isDue = ([until, table]: DueKey) => until < (table === 'claims' ? claimsAt : othersAt);
    for (let after: DueKey | undefined; !closed(); ) {
      const portion: DueKey[] = tables.duesBefore(Math.max(claimsAt, othersAt), DUE_PORTION, after);
      const due = portion.filter(isDue);
      const forget = (group: Group) => {
        for (const key of due) forgetDue(group, key);
      };
      if (due.length > 0 && !(await plan(forget))) return;
      after = portion.at(-1);
      if (!after) return;
      if (due.length === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async function tidyErased(): Promise<void> {
    for (;;) {
      const [tag] = closed() ? [] : tables.erased(1);
      if (tag === undefined) return;
      if (!(await plan((group) => group.tidyErased(tag)))) return;
    }
  }

  async function tidyLogs(): Promise<void> {
    for (let after = ''; !closed(); ) {
      const portion = tables.headsAfter(after, PORTION);
      for (const { tag } of portion.filter(({ head }) => isUntidy(head, rules, now()))) {
        if (!(await plan((group) => group.tidy(tag)))) return;
      }
      const last = portion.at(-1);
      if (!last) return;
      after = last.tag;
      // A million rooms are looked through without holding up a message for more than a portion.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  await tidyAnswers();
  await tidyDues();
  await tidyErased();
  await tidyLogs();
}

function isUntidy(head: Head, rules: GroupRules, now: number): boolean {
  const idle = isIdle(head, keepingOf(head, rules), now);
  return head.floor < head.first || (idle && (head.top === 0 || head.first <= head.top));
}
