import * as z from 'zod';

const FORMAT = 1;

const figure = z.number().min(0).max(1e9);
const share = z.number().min(0).max(1);
const whole = z.number().int().min(1).max(1_000_000);

const MEASURES = z.object({
  /** Open connections. */
  clients: figure,
  /** The part of them that polls. */
  pollingShare: share,
  saysPerS: figure,
  /** Messages to one user. */
  privatePerS: figure,
  /** Messages of rooms times the members they were written to. */
  deliveriesPerS: figure,
  connectsPerS: figure,
  disconnectsPerS: figure,
  texts: z.object({
    meanBytes: figure,
    /** The part of the texts that is longer than the bucket before, and no longer than this one. The last has no end. */
    buckets: z.array(z.object({ upTo: z.number().positive().nullable(), share })).max(200),
  }),
  /** The largest first. */
  rooms: z.array(z.object({ clients: whole, rooms: whole })).max(100_000),
});

const PROFILE = MEASURES.extend({
  format: z.literal(FORMAT),
  tool: z.object({ name: z.literal('roomcast'), version: z.string() }),
  /** ISO 8601. */
  takenAt: z.string(),
  sampledMs: figure,
});

/** The measures of a chat's load: no text, no name, and no room of it. */
export type Measures = Readonly<z.infer<typeof MEASURES>>;
/** The file that `roomcast profile` writes and `roomcast load --profile` reads. */
export type Profile = Readonly<z.infer<typeof PROFILE>>;

export function profileOf(
  measures: Measures,
  about: Pick<Profile, 'takenAt' | 'sampledMs'> & { readonly version: string },
): Profile {
  const { version, takenAt, sampledMs } = about;
  return { format: FORMAT, tool: { name: 'roomcast', version }, takenAt, sampledMs, ...measures };
}

/** Reads the text of a file; `problem` says in a sentence what is wrong with it. */
export function readProfile(text: string): { readonly profile: Profile } | { readonly problem: string } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { problem: 'is no JSON: write it with "roomcast profile URL > FILE"' };
  }
  const format = (json as { readonly format?: unknown } | null)?.format;
  if (typeof format === 'number' && format > FORMAT)
    return { problem: `has format ${format}, of a newer Roomcast: this one reads format ${FORMAT}` };
  const read = PROFILE.safeParse(json);
  if (read.success) return { profile: read.data };
  const [issue] = read.error.issues;
  const where = issue === undefined || issue.path.length === 0 ? '' : `${issue.path.join('.')}: `;
  return { problem: `is no profile of "roomcast profile" (${where}${issue?.message ?? 'it is empty'})` };
}
