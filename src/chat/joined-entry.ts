/** The store's own last member of an entry. No other ends in this way: the brace is that of the whole entry. */
const REVISION = /,"revision":\d+(?=\}$)/;

/**
 * Returns an entry as readers see it. What changes often, and is small beside a long text, stands beside the entry: reactions
 * and the number of answers, with the newest revision, as further members of its object.
 */
export function joinedEntry(json: string, beside: string | undefined): string {
  if (beside === undefined) return json;
  const stamp = REVISION.exec(json.slice(-STAMP_CHARS))?.[0].length ?? 0;
  return `${json.slice(0, -1 - stamp)}${beside}}`;
}

/** The stamp with the largest number there is. */
const STAMP_CHARS = 40;

/** The text that stands beside an entry. `members` as in `Draft.members`, '' for none. */
export function besideText(members: string, revision: number): string {
  return `${members === '' ? '' : `,${members}`},"revision":${revision}`;
}
