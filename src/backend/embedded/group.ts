import { createHash, randomBytes } from 'node:crypto';
import type { Draft, Entry } from '../../chat/store.ts';
import { beginHead, continueHead, expireHead, type Head, type Keeping, raiseHead, trimHead } from './head.ts';
import type { Answer, AnswerKey, Tables, Write } from './tables.ts';

export interface GroupRules extends Keeping {
  readonly dedupeTtlS: number;
  /** This start of the primary. */
  readonly run: string;
}

/** Removing a whole log of 100,000 in one commit would hold up every room. */
const MAX_REMOVED_PER_ROOM = 1_000;

/**
 * What one commit will change. Numbers are given out here, from what is on disk and while no other commit is in
 * flight: a commit that fails leaves nothing in memory that has to be taken back.
 */
export interface Group {
  append(tag: string, draft: Draft): Answer & { readonly dup: boolean };
  /** Gives the room an epoch of this run. */
  touch(tag: string): void;
  /** Hides what is too old and removes what is hidden; forgets a room nothing was ever said in. */
  tidy(tag: string): void;
  write(write: Write): void;
  /** To be published after the commit, in this order. */
  readonly published: readonly { readonly tag: string; readonly entry: Entry }[];
  finish(): readonly Write[];
}

export function createGroup(tables: Tables, rules: GroupRules, now: number): Group {
  const heads = new Map<string, Head | undefined>();
  const answers = new Map<string, Answer>();
  const writes: Write[] = [];
  const published: { tag: string; entry: Entry }[] = [];

  function stored(tag: string): Head | undefined {
    return heads.has(tag) ? heads.get(tag) : tables.look((view) => view.head(tag));
  }

  function current(tag: string): Head {
    const head = stored(tag);
    return head ? continueHead(head, rules.run, makeEpoch) : beginHead(rules.run, makeEpoch(), now);
  }

  function known(keys: readonly AnswerKey[]): Answer | undefined {
    for (const key of keys) {
      const answer = answers.get(key.join()) ?? tables.answer(key);
      if (answer) return answer;
    }
    return undefined;
  }

  return {
    append(tag, draft) {
      const keys = draft.dedupe ? answerKeys(tag, draft.dedupe, rules.dedupeTtlS, now) : [];
      const answered = known(keys);
      if (answered) return { ...answered, dup: true };

      const head = raiseHead(expireHead(current(tag), rules, now), now);
      const { epoch, top: seq, at } = head;
      const json = `{"seq":${seq},"epoch":"${epoch}","id":${JSON.stringify(draft.id)},"at":${at},${draft.members}}`;
      const entry = { epoch, seq, json, ...(draft.except === undefined ? {} : { except: draft.except }) };
      const answer = { epoch, seq, id: draft.id, at };
      heads.set(tag, head);
      writes.push({ table: 'entries', key: [tag, seq], value: entry });
      published.push({ tag, entry });
      const [key] = keys;
      if (key) {
        answers.set(key.join(), answer);
        writes.push({ table: 'answers', key, value: answer });
      }
      return { ...answer, dup: false };
    },
    touch(tag) {
      heads.set(tag, current(tag));
    },
    tidy(tag) {
      const head = stored(tag);
      if (!head) return;
      const idle = now - head.at > rules.historyTtlS * 1000;
      heads.set(tag, head.top === 0 && idle ? undefined : expireHead(head, rules, now));
    },
    write: (write) => {
      writes.push(write);
    },
    published,
    finish() {
      for (const [tag, head] of heads) {
        if (!head) {
          writes.push({ table: 'heads', key: tag, value: undefined });
          continue;
        }
        const trimmed = trimHead(head, rules);
        const floor = Math.min(trimmed.first, trimmed.floor + MAX_REMOVED_PER_ROOM);
        for (let seq = trimmed.floor; seq < floor; seq += 1)
          writes.push({ table: 'entries', key: [tag, seq] });
        writes.push({ table: 'heads', key: tag, value: { ...trimmed, floor } });
      }
      return writes;
    },
  };
}

function makeEpoch(): string {
  return randomBytes(9).toString('base64url');
}

/**
 * Where an answer is written (the first) and looked for. Two periods together reach back at least one TTL; the
 * coming one is looked into as well, because a clock set back over a period's end would else forget everything.
 */
function answerKeys(
  tag: string,
  { scope, clientMsgId }: NonNullable<Draft['dedupe']>,
  ttlS: number,
  now: number,
): AnswerKey[] {
  const hash = createHash('sha256')
    .update(JSON.stringify([scope, clientMsgId]))
    .digest('base64url')
    .slice(0, 22);
  const period = answerPeriod(ttlS, now);
  return [period, period - 1, period + 1].map((one) => [one, tag, hash]);
}

export function answerPeriod(ttlS: number, now: number): number {
  return Math.floor(now / (ttlS * 1000));
}
