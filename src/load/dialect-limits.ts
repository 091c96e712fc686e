import type { Dialect } from './driver/dialect.ts';

/** The checks that a dialect does not allow, a sentence each. */
export function uncheckedBy(
  { numberedBy, promises, unacknowledged }: Dialect,
  reordered: number | undefined,
): readonly string[] {
  if (numberedBy !== 'driver') return [];
  return [
    'What clients missed while they were away: the dialect has no resume.',
    ...(unacknowledged
      ? ['What the server took: it acknowledges nothing, so all that was said counts as acked.']
      : []),
    ...(promises?.roomOrder
      ? []
      : [
          `One order for all members of a room: the server does not promise it. ${reordered ?? 0} pairs of messages came in different orders.`,
        ]),
  ];
}
