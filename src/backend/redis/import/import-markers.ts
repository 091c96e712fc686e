import { succeed } from '../../../protocol/codes.ts';
import type { MarkerStep, RowTarget } from '../../moved-rows.ts';
import { type ImportContext, inTurn, roomAt } from './import-context.ts';

/** Writes and reads back the markers of an inbox: sent, received and read, with the steps that they went through. */
export function createMarkersImport(context: ImportContext): RowTarget['markers'] {
  const { redis, keys, retention, atMs } = context;

  return {
    write({ tag, sent, recv, read, announcements }) {
      const inbox = roomAt(tag, 'inbox');
      const [, meta] = keys.log(inbox);
      const endsAt = String(atMs + retention(inbox).metaTtlMs);
      const steps = keys.steps(inbox).map((key, index) => ({ key, of: [sent, recv, read][index] ?? [] }));
      const fields = [
        ...(['sent', 'recv', 'read'] as const).flatMap((name, index) => {
          const last = steps[index]?.of.at(-1);
          return last ? [name, String(last[0])] : [];
        }),
        ...(announcements ? ['news', `${announcements.seq} ${announcements.epoch}`] : []),
      ];
      const stepped = steps.filter(({ of }) => of.length > 0);
      return inTurn(redis, [
        ...(fields.length > 0 ? [['HSET', meta, ...fields]] : []),
        ['PEXPIREAT', meta, endsAt],
        ...stepped.map(({ key, of }) => [
          'ZADD',
          key,
          ...of.flatMap(([seq, at]) => [String(seq), `${seq} ${at}`]),
        ]),
        ...stepped.map(({ key }) => ['PEXPIREAT', key, endsAt]),
      ]);
    },
    async read(row) {
      const inbox = roomAt(row.tag, 'inbox');
      const [, meta] = keys.log(inbox);
      const found = await inTurn(redis, [
        ['HMGET', meta, 'sent', 'recv', 'read', 'news'],
        ...keys.steps(inbox).map((key) => ['ZRANGE', key, '0', '-1']),
      ]);
      if (!found.ok) return found;
      const [markers, ...steps] = found.value as (string | null)[][];
      const [sent = [], recv = [], read = []] = steps.map((members) => members.map((text) => stepIn(text)));
      // A marker stands where its newest step does.
      const agree = [sent, recv, read].every(
        (one, index) => Number(markers?.[index] ?? 0) === (one.at(-1)?.[0] ?? 0),
      );
      const [, seq, epoch] = /^(\d+) (.*)$/.exec(markers?.[3] ?? '') ?? [];
      return succeed({
        tag: row.tag,
        sent: agree ? sent : [],
        recv,
        read,
        ...(epoch !== undefined && { announcements: { epoch, seq: Number(seq) } }),
      });
    },
  };
}

function stepIn(text: string | null): MarkerStep {
  const [seq, at] = (text ?? '').split(' ');
  return [Number(seq), Number(at)];
}
