import type { PreviousEpoch } from '../../../chat/log-store.ts';
import { succeed } from '../../../protocol/codes.ts';
import type { DedupeAnswer, RowTarget } from '../../moved-rows.ts';
import { parseStored } from '../bus/frame.ts';
import { type ImportContext, inTurn, roomAt } from './import-context.ts';

/** As in read.lua: a room without messages is kept for an hour. */
const EMPTY_MS = 3_600_000;

type StreamEntry = readonly [id: string, fields: readonly string[]];

/** Writes and reads back logs and what stands beside their entries. */
export function createLogImport(
  context: ImportContext,
): Pick<RowTarget, 'logs' | 'entries' | 'uncounted' | 'dedupe'> {
  const { redis, importEntries, keys, retention, dedupeTtlS, atMs } = context;
  const ttlMs = dedupeTtlS * 1_000;

  return {
    logs: {
      // No run is written: the first server that touches the log begins an epoch, since the other store may have been
      // restored from a backup, and clients may have seen what was lost then.
      write({ tag, kind, epoch, top, at, previousEpochs, hasMarks }) {
        const room = roomAt(tag, kind);
        const [, meta] = keys.log(room);
        const fields = ['epoch', epoch, 'top', String(top), 'at', String(at)];
        const previous = previousEpochs.map((one) => `${one.epoch}:${one.upTo}`).join(' ');
        // Such an inbox says that its user was there.
        const opened = top === 0 && kind === 'inbox';
        const emptyMs = opened ? retention(room).metaTtlMs : EMPTY_MS;
        const marks = hasMarks ? ['marks', '1'] : [];
        return inTurn(redis, [
          ['HSET', meta, ...fields, 'links', previous, ...marks, ...(opened ? ['opened', String(at)] : [])],
          ['PEXPIREAT', meta, String(atMs + (top === 0 ? emptyMs : retention(room).metaTtlMs))],
        ]);
      },
      async read(row) {
        const [, meta] = keys.log(roomAt(row.tag));
        const fields = ['epoch', 'top', 'at', 'links', 'marks'];
        const stored = await redis.call<(string | null)[]>(['HMGET', meta, ...fields]);
        if (!stored.ok) return stored;
        const [epoch, top, at, links, marks] = stored.value;
        const { hasMarks: _, ...rest } = row;
        return succeed({
          ...rest,
          ...(marks != null && { hasMarks: true as const }),
          epoch: epoch ?? '',
          top: Number(top),
          at: Number(at),
          previousEpochs: previousEpochsIn(links ?? ''),
        });
      },
    },

    entries: {
      write({ tag, endsAt = 0, entries }) {
        const [log] = keys.log(roomAt(tag));
        const fields = entries.flatMap(({ seq, json, except = '' }) => [String(seq), json, except]);
        return redis.evaluate(importEntries, [log], [String(endsAt), ...fields]);
      },
      async read(row) {
        const [log] = keys.log(roomAt(row.tag));
        const [first, last] = [row.entries[0]?.seq, row.entries.at(-1)?.seq];
        const [found, endsAt] = await Promise.all([
          redis.call<StreamEntry[]>(['XRANGE', log, `${first}-0`, `${last}-0`]),
          redis.call<number>(['PEXPIRETIME', log]),
        ]);
        if (!found.ok) return found;
        if (!endsAt.ok) return endsAt;
        const entries = found.value.map(([, [, json = '', , except = '']]) => parseStored(json, except));
        return succeed({ ...row, endsAt: endsAt.value, entries });
      },
    },

    uncounted: {
      write({ tag, endsAt = 0, seqs }) {
        const [, uncounted] = keys.unread(roomAt(tag));
        return inTurn(redis, [
          ['ZADD', uncounted, ...seqs.flatMap((seq) => [String(seq), String(seq)])],
          ['PEXPIREAT', uncounted, String(endsAt)],
        ]);
      },
      async read(row) {
        const [, uncounted] = keys.unread(roomAt(row.tag));
        const found = await redis.call<unknown[]>(['ZMSCORE', uncounted, ...row.seqs.map(String)]);
        if (!found.ok) return found;
        return succeed({ ...row, seqs: found.value.map(Number) });
      },
    },

    dedupe: {
      // As append.lua does it, so that it finds them and uses the two hashes on.
      write({ tag, period, answers }) {
        const ids = keys.ids(roomAt(tag))[period % 2] as string;
        return inTurn(redis, [
          ['HSET', ids, ...answers.flatMap(([name, answer]) => [name, textOf(answer)])],
          ['PEXPIREAT', ids, String((period + 2) * ttlMs)],
        ]);
      },
      async read(row) {
        const ids = keys.ids(roomAt(row.tag))[row.period % 2] as string;
        const names = row.answers.map(([name]) => name);
        const found = await redis.call<(string | null)[]>(['HMGET', ids, ...names]);
        if (!found.ok) return found;
        const answers = names.map((name, index) => [name, answerIn(found.value[index] ?? '')] as const);
        return succeed({ ...row, answers });
      },
    },
  } satisfies Partial<RowTarget>;
}

function previousEpochsIn(links: string): PreviousEpoch[] {
  return links
    .split(' ')
    .filter(Boolean)
    .map((link) => {
      const [epoch = '', upTo] = link.split(':');
      return { epoch, upTo: Number(upTo) };
    });
}

function textOf({ epoch, seq, at, id, content }: DedupeAnswer): string {
  return [epoch, seq, at, id, ...(content === undefined ? [] : [content])].join(' ');
}

function answerIn(text: string): DedupeAnswer {
  const [epoch = '', seq, at, id = '', content] = text.split(' ');
  return { epoch, seq: Number(seq), id, at: Number(at), ...(content !== undefined && { content }) };
}
