import { succeed } from '../../../protocol/codes.ts';
import type { RowTarget } from '../../moved-rows.ts';
import type { ImportContext } from './import-context.ts';
import { createLogImport } from './import-logs.ts';
import { createPeopleImport } from './import-people.ts';

/** Every kind of row as the stores on Redis keep it. */
export function createRowTarget(context: ImportContext): RowTarget {
  const { redis, keys } = context;
  const keyOf = { secret: keys.secret, apiKey: keys.apiKey } as const;
  return {
    secrets: {
      write: ({ tag, value }) => redis.call(['SET', keyOf[tag], value]),
      async read(row) {
        const found = await redis.call<string | null>(['GET', keyOf[row.tag]]);
        return found.ok ? succeed({ ...row, value: found.value ?? '' }) : found;
      },
    },
    ...createLogImport(context),
    ...createPeopleImport(context),
  };
}
